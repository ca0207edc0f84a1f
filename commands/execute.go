package commands

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/commands/comment"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

// result is what came of a line.
type result struct {
	outcome  string
	answer   string // Markdown, with every inserted text escaped
	incident int64
	jobs     []queue.Item // its effect, committed with the record
}

// execute runs one line. An error means that nothing is known to have
// happened and that the line is to be run again; on the last attempt it becomes
// an answer, because the author sees nothing of dead letters.
func (c *call) execute(ctx context.Context, position int, req comment.Request) (result, error) {
	r, err := c.dispatch(ctx, position, req)
	if err == nil || ctx.Err() != nil || githubapi.IsDormant(err) {
		return r, err
	}
	if _, limited := githubapi.LimitedUntil(err); limited {
		return r, err // snoozed, which costs no attempt
	}
	if c.last || hopeless(err) {
		zerolog.Ctx(ctx).Error().Err(err).Str("command", req.Name).Msg("command failed")
		return result{outcome: failed, answer: "That did not work, and trying again does not help. The App's log says why."}, nil
	}
	return r, err
}

func (c *call) dispatch(ctx context.Context, position int, req comment.Request) (result, error) {
	switch req.Name {
	case comment.Recover:
		return c.recover(ctx, position, req.Args)
	case comment.Done:
		return c.done(ctx, position, req.Args[0])
	case comment.Status:
		status, err := c.Engine.Status(ctx, c.args.Repo.ID)
		if err != nil {
			return result{}, fmt.Errorf("read status: %w", err)
		}
		return result{outcome: done, answer: renderStatus(status)}, nil
	case comment.Validate:
		return c.validate(ctx)
	case comment.Pause:
		return c.pause(ctx, position, req.Args)
	case comment.Resume:
		return c.resume(ctx, position, req.Args)
	case comment.Explain:
		return c.explain(ctx, req.Args[0])
	case comment.Help:
		return result{outcome: done, answer: comment.HelpText()}, nil
	}
	return result{outcome: failed, answer: req.Answer}, nil
}

func (c *call) recover(ctx context.Context, position int, args []string) (result, error) {
	target := ""
	if len(args) > 0 {
		target = args[0]
	}
	a, err := c.Engine.Recover(ctx, queue.Recover{
		Repo: c.args.Repo, Target: target, Reason: "comment", Actor: c.args.Author,
		// Not the webhook's id: a comment can hold several commands, and the
		// same comment must ask once however often it is delivered.
		DeliveryID: c.key(position),
	})
	if err != nil {
		return result{}, fmt.Errorf("recover %q: %w", target, err)
	}
	r := result{outcome: failed, answer: sentence(a.Message), incident: a.IncidentID}
	if a.Accepted {
		r.outcome = done
	}
	return r, nil
}

// validate asks for a new validation of the pull request's head, or of the
// default branch. The answer's link is the check run itself.
func (c *call) validate(ctx context.Context) (result, error) {
	v := queue.ValidateCommit{Repo: c.args.Repo, DeliveryID: c.args.DeliveryID, Again: true}
	answer := "`redundancy / validate` runs again on the default branch."
	if c.args.PullHead {
		pr, _, err := c.client.PullRequests.Get(ctx, c.args.Repo.Owner, c.args.Repo.Name, c.args.Number)
		if err != nil {
			return result{}, c.soon(fmt.Errorf("read pull request %d: %w", c.args.Number, err))
		}
		v.SHA = pr.GetHead().GetSHA()
		answer = fmt.Sprintf("`redundancy / validate` runs again on %s, the head of this pull request.", checkrun.Code(short(v.SHA)))
	}
	return result{outcome: done, answer: answer, jobs: []queue.Item{v.Item()}}, nil
}

// short is how GitHub abbreviates a commit.
func short(sha string) string { return sha[:min(len(sha), 7)] }

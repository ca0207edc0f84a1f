package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// marker starts the App's comment, invisibly. It is how the comment is
	// found again when the answer to its creation was lost.
	marker = "<!-- redundancy:reply -->"
	// patience is the number of attempts that a 404 gets: GitHub shows a new
	// comment not everywhere at once.
	patience = 3
	// searchPages of 100 comments are looked through for the marker.
	searchPages = 30
)

// react leaves a reaction. GitHub answers 200 for one that is there already.
func (c *call) react(ctx context.Context, content string) error {
	_, _, err := c.client.Reactions.CreateIssueCommentReaction(ctx, c.args.Repo.Owner, c.args.Repo.Name, c.args.CommentID, content)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("react to comment %d: %w", c.args.CommentID, err)
	if hopeless(err) && !c.early(err) {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("comment cannot be reacted to")
		return nil
	}
	return c.soon(err)
}

// Refresh makes the replies that report on an incident be written again; see
// queue.RefreshReplies.
func (w *Worker) Refresh(ctx context.Context, job queue.Job) error {
	var args queue.RefreshReplies
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("read arguments of %s: %w", job.Kind, err))
	}
	replies, err := w.Store.RepliesOn(ctx, args.IncidentID)
	if err != nil || len(replies) == 0 {
		return err
	}
	return w.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, r := range replies {
			repo := queue.Repo{InstallationID: r.InstallationID, ID: r.RepoID, Owner: r.Owner, Name: r.Repo}
			if err := w.Queue.Enqueue(ctx, tx, queue.UpdateReply{Repo: repo, Number: r.Number}.Item()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Update rewrites the reply of one thread; see queue.UpdateReply.
func (w *Worker) Update(ctx context.Context, job queue.Job) error {
	var args queue.UpdateReply
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("read arguments of %s: %w", job.Kind, err))
	}
	client, err := w.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return fmt.Errorf("update reply: %w", err)
	}
	c := &call{Worker: w, client: client, attempt: job.Attempt}
	return c.reply(ctx, args.Repo, args.Number)
}

// reply brings the thread's comment up to date. Jobs of one thread run one at
// a time, so nobody else writes it meanwhile.
func (c *call) reply(ctx context.Context, repo queue.Repo, number int) error {
	body, err := c.render(ctx, repo, number)
	if err != nil || body == "" {
		return err
	}
	known, _, err := c.Store.Reply(ctx, repo.ID, number)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(body))
	digest := hex.EncodeToString(sum[:])
	if known.CommentID != 0 && known.Digest == digest {
		return nil
	}
	id, err := c.write(ctx, repo, number, known.CommentID, body)
	if err != nil {
		err = fmt.Errorf("reply in %s#%d: %w", repo.FullName(), number, err)
		if hopeless(err) && !c.early(err) {
			zerolog.Ctx(ctx).Warn().Err(err).Str("needs", githubapi.MissingPermission(err)).Msg("reply cannot be written")
			return nil
		}
		return c.soon(err)
	}
	return c.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.SaveReply(ctx, store.Reply{
			RepoID: repo.ID, Number: number, InstallationID: repo.InstallationID, Owner: repo.Owner, Repo: repo.Name,
			CommentID: id, Digest: digest, UpdatedAt: store.MillisOf(c.Clock.Now()),
		})
	})
}

// write edits the comment that is known or found, else makes one.
func (c *call) write(ctx context.Context, repo queue.Repo, number int, id int64, body string) (int64, error) {
	if id == 0 {
		var err error
		if id, err = c.find(ctx, repo, number); err != nil {
			return 0, err
		}
	}
	content := &github.IssueComment{Body: &body}
	if id != 0 {
		_, _, err := c.client.Issues.EditComment(ctx, repo.Owner, repo.Name, id, content)
		if !githubapi.IsNotFound(err) {
			return id, err
		}
		// Somebody deleted it.
	}
	made, _, err := c.client.Issues.CreateComment(ctx, repo.Owner, repo.Name, number, content)
	return made.GetID(), err
}

// find looks for our comment in the thread. Anybody can write the marker, so
// only the App's own comments count.
func (c *call) find(ctx context.Context, repo queue.Repo, number int) (int64, error) {
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for range searchPages {
		list, resp, err := c.client.Issues.ListComments(ctx, repo.Owner, repo.Name, number, opts)
		if err != nil {
			return 0, fmt.Errorf("look for our comment: %w", err)
		}
		for _, x := range list {
			if strings.HasPrefix(x.GetBody(), marker) && c.isSelf(x.GetUser()) {
				return x.GetID(), nil
			}
		}
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	return 0, nil
}

func (w *Worker) isSelf(u *github.User) bool {
	self := w.BotLogin()
	return u.GetType() == "Bot" && (self == "" || strings.EqualFold(u.GetLogin(), self))
}

// early is true of a 404 that may only mean "not yet".
func (c *call) early(err error) bool { return githubapi.IsNotFound(err) && c.attempt < patience }

// notYetError is a 404 that is to be tried again. It hides its cause from the
// queue's table, which takes every 404 for final.
type notYetError struct{ cause string }

func (e notYetError) Error() string { return e.cause }

// soon makes an early 404 be tried again, and leaves other errors as they are.
func (c *call) soon(err error) error {
	if c.early(err) {
		return notYetError{err.Error()}
	}
	return err
}

// hopeless is true of refusals that stand: a locked or deleted thread, a
// permission that was taken away. They are no reason to keep the job. Limits
// and suspended installations have their own way through the queue.
func hopeless(err error) bool {
	if _, limited := githubapi.LimitedUntil(err); limited || githubapi.IsDormant(err) {
		return false
	}
	var refused *github.ErrorResponse
	if !errors.As(err, &refused) || refused.Response == nil {
		return false
	}
	switch refused.Response.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

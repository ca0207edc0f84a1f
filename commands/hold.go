package commands

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// pause takes "[target] [duration]". A single word is a duration when it reads
// as one: a workflow of such a name is named with its ending.
func (c *call) pause(ctx context.Context, position int, args []string) (result, error) {
	target, length, mistake := pauseArguments(args)
	if mistake != "" {
		return result{outcome: failed, answer: mistake}, nil
	}
	a, err := c.Engine.Pause(ctx, fallback.PauseRequest{
		Repo: c.args.Repo, Target: target, For: length, Actor: c.args.Author, Key: c.key(position),
	})
	if err != nil {
		return result{}, fmt.Errorf("pause %q: %w", target, err)
	}
	return answered(a), nil
}

func pauseArguments(args []string) (target string, length time.Duration, mistake string) {
	var d config.Duration
	switch {
	case len(args) == 0:
		return "", 0, ""
	case len(args) == 1 && d.UnmarshalText([]byte(args[0])) != nil:
		return args[0], 0, ""
	case len(args) == 1:
		return "", d.Std(), ""
	case d.UnmarshalText([]byte(args[1])) != nil:
		return "", 0, fmt.Sprintf("%s is no duration: write it as `30m`, `2h` or `1d`, at most %s, behind the target.", checkrun.Code(args[1]), config.MaxDuration)
	}
	return args[0], d.Std(), ""
}

func (c *call) resume(ctx context.Context, position int, args []string) (result, error) {
	a, err := c.Engine.Unpause(ctx, fallback.ResumeRequest{
		Repo: c.args.Repo, Target: strings.Join(args, ""), Actor: c.args.Author, Key: c.key(position),
	})
	if err != nil {
		return result{}, fmt.Errorf("resume %q: %w", args, err)
	}
	return answered(a), nil
}

// key identifies a line of a comment, however often it is delivered.
func (c *call) key(position int) string {
	return fmt.Sprintf("comment:%d:%d", c.args.CommentID, position)
}

func answered(a fallback.Answer) result {
	r := result{outcome: failed, answer: sentence(a.Message), incident: a.IncidentID}
	if a.Accepted {
		r.outcome = done
	}
	return r
}

// done says that the work of an incident in doubt was done; the engine looks
// whether it is one of this repository.
func (c *call) done(ctx context.Context, position int, arg string) (result, error) {
	id, no := incidentNumber(arg)
	if id == 0 {
		return no, nil
	}
	a, err := c.Engine.Recover(ctx, queue.Recover{
		Repo: c.args.Repo, Reason: "comment", Actor: c.args.Author, Done: true, IncidentID: id, DeliveryID: c.key(position),
	})
	if err != nil {
		return result{}, fmt.Errorf("say that incident %d was done: %w", id, err)
	}
	return answered(a), nil
}

// incidentNumber reads "12" or "#12"; 0 when it is neither, and then no is the answer.
func incidentNumber(arg string) (id int64, no result) {
	no = result{outcome: failed, answer: fmt.Sprintf("There is no incident %s in this repository.", checkrun.Code(arg))}
	id, err := strconv.ParseInt(strings.TrimPrefix(arg, "#"), 10, 64)
	if err != nil || id < 0 {
		return 0, no
	}
	return id, no
}

// explain tells about incidents of this repository only: numbers are easily guessed.
func (c *call) explain(ctx context.Context, arg string) (result, error) {
	id, no := incidentNumber(arg)
	if id == 0 {
		return no, nil
	}
	inc, ok, err := store.ReadIncident(ctx, c.Store.Read(), id)
	if err != nil {
		return result{}, err
	}
	if !ok || inc.RepoID != c.args.Repo.ID {
		return no, nil
	}
	lines, ok, err := c.Engine.Explain(ctx, id)
	if err != nil {
		return result{}, fmt.Errorf("explain incident %d: %w", id, err)
	}
	if !ok {
		return no, nil
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "- %s\n", linked(l, inc.RunURL))
	}
	return result{outcome: done, answer: b.String()}, nil
}

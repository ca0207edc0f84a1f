package fallback

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// inspectLater has an attempt of a watched workflow's run looked at when it
// should have begun, or, once it has, when it should have got on. It may be
// called with every sight of the run; one that has ended needs no look.
func (e *Engine) inspectLater(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error {
	if _, err := e.cameForPush(ctx, tx, repo, run); err != nil || run.Completed() || run.Tombstone != "" {
		return err
	}
	at, err := e.firstLook(ctx, tx, run)
	if err != nil {
		return err
	}
	if run.BeganAt != 0 {
		if err := e.canary(ctx, tx, repo, run.WorkflowPath, true, run.BeganAt); err != nil {
			return err
		}
	}
	return e.inspectAt(ctx, tx, queue.InspectRun{Repo: repo, RunID: run.RunID, Attempt: run.Attempt}, at)
}

func (e *Engine) inspectAt(ctx context.Context, tx *store.Tx, args queue.InspectRun, at time.Time) error {
	item := args.Item()
	item.Options.RunAt = at
	return e.Queue.Enqueue(ctx, tx, item)
}

// firstLook is when an attempt that has not ended is worth a look, as far as
// that can be said without its history: the worker learns the rest, and most
// runs have begun, or ended, by then.
func (e *Engine) firstLook(ctx context.Context, tx *store.Tx, run store.WorkflowRun) (time.Time, error) {
	var flow config.Workflow
	w, known, err := store.ReadWatch(ctx, tx, run.RepoID, run.WorkflowPath)
	if err != nil {
		return time.Time{}, err
	}
	if known && json.Unmarshal([]byte(w.Flow), &flow) != nil {
		flow = config.Workflow{} // the worker takes the configuration in force
	}
	limits := stall.Learn(flow.Stall, stall.History{}).Scaled(e.Scale)
	if run.BeganAt != 0 {
		return run.BeganAt.Time().Add(limits.Running), nil
	}
	return ready(run).Add(limits.Soft()), nil
}

// asked is when an attempt was asked for. A re-run keeps created_at: by that,
// the second attempt of an old run would be stuck before it has begun.
func asked(run store.WorkflowRun) time.Time {
	if run.StartedAt != 0 {
		return run.StartedAt.Time()
	}
	return run.CreatedAt.Time()
}

// ready is since when an attempt has waited for a runner and for nothing else.
func ready(run store.WorkflowRun) time.Time {
	if at := run.ReadyAt.Time(); at.After(asked(run)) {
		return at
	}
	return asked(run)
}

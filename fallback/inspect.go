package fallback

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// inspectLater has an attempt of a watched workflow's run looked at when it
// should have begun, or, once it has, when it should have got on. It may be
// called with every sight of the run; one that has ended needs no look.
func (e *Engine) inspectLater(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error {
	if run.Completed() || run.Tombstone != "" {
		return nil
	}
	at, err := e.nextLook(ctx, tx, run)
	if err != nil {
		return err
	}
	if run.BeganAt != 0 {
		if err := e.canary(ctx, tx, repo, run.WorkflowPath, true, run.BeganAt); err != nil {
			return err
		}
	}
	item := queue.InspectRun{Repo: repo, RunID: run.RunID, Attempt: run.Attempt}.Item()
	item.Options.RunAt = at
	return e.Queue.Enqueue(ctx, tx, item)
}

// nextLook is when an attempt that has not ended is worth a look.
func (e *Engine) nextLook(ctx context.Context, tx *store.Tx, run store.WorkflowRun) (time.Time, error) {
	w, known, err := store.ReadWatch(ctx, tx, run.RepoID, run.WorkflowPath)
	if err != nil {
		return time.Time{}, err
	}
	var flow config.Workflow
	if known && json.Unmarshal([]byte(w.Flow), &flow) != nil {
		flow = config.Workflow{} // the worker reads the configuration itself
	}
	if run.BeganAt != 0 {
		return run.BeganAt.Time().Add(e.scaled(limitsOf(flow.Stall).running)), nil
	}
	return max(run.StartedAt, run.CreatedAt).Time().Add(e.scaled(limitsOf(flow.Stall).soft())), nil
}

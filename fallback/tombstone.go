package fallback

import (
	"context"
	"slices"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

// bury gives a run up that has not ended: nothing is expected of it any more,
// and its work is done by others. That it moves again is reported by risen.
func (e *Engine) bury(ctx context.Context, sc *scope, run store.WorkflowRun, why string, evidence map[string]any) error {
	if evidence == nil {
		evidence = map[string]any{"run": run.RunID, "attempt": run.Attempt, "url": run.URL}
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Bury(ctx, run.RepoID, run.RunID, run.Attempt, why); err != nil {
			return err
		}
		return e.note(ctx, tx, sc.inc, "the run is given up: "+why, evidence)
	})
}

// risen accounts for a run that was given up and is seen to have moved.
func (e *Engine) risen(ctx context.Context, tx *store.Tx, run store.WorkflowRun, incidents []int64) error {
	moved := run.Status == "in_progress" || run.Completed()
	if run.Tombstone == "" || !moved {
		return nil
	}
	for _, id := range incidents {
		inc, ok, err := store.ReadIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		if !ok || inc.LatePrimary == latePrimaryDuplicate {
			continue
		}
		if err := e.riseIn(ctx, tx, &inc, run); err != nil {
			return err
		}
	}
	return nil
}

// riseIn tells one incident. As long as no step of it has acted, its run is
// waited for like any other.
func (e *Engine) riseIn(ctx context.Context, tx *store.Tx, inc *store.Incident, run store.WorkflowRun) error {
	_, told, err := store.ReadRefusal(ctx, tx, run.RepoID, run.RunID, run.Attempt)
	if err != nil || told { // said so already
		return err
	}
	steps, err := e.Store.Steps(ctx, inc.ID)
	if err != nil {
		return err
	}
	acted := slices.ContainsFunc(steps, func(st store.Step) bool {
		return st.Epoch != 0 && st.State != store.StepNotDone && st.State != store.StepNotSent
	})
	if acted && !run.Completed() {
		// A guard says at its first step whether the run goes on.
		if asks, err := e.asksForClaim(ctx, inc); err != nil || asks {
			return err
		}
	}
	without := run.Completed() && run.Conclusion != "success" && !runs.Failed(run.Conclusion)
	reason := "the run that was given up has ended without effect: " + run.Conclusion
	switch {
	case without && inc.LatePrimary == latePrimaryCancelled, !without && !acted:
		return nil
	case without:
		inc.LatePrimary = latePrimaryCancelled
	default:
		inc.LatePrimary = latePrimaryDuplicate
		reason = "duplicate possible: the run that was given up has begun after all"
	}
	if err := e.note(ctx, tx, inc, reason, runEvidence(run)); err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, tx, refreshItem(inc.ID))
}

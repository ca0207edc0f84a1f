package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// primary reads the failed run again, before anything is done about it: while
// we waited, somebody may have re-run it. stop is true when that leaves
// nothing to do in this turn.
func (e *Engine) primary(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	known, err := e.reread(ctx, sc.client, sc.repo, sc.inc.RunID)
	if githubapi.IsNotFound(err) {
		// Deleted by hand. That it had failed is on record, and it cannot
		// start any more.
		return next{}, false, nil
	}
	if err != nil {
		return next{}, false, err
	}
	switch {
	case !known.Completed():
		return next{at: e.poll(sc.inc.UpdatedAt)}, true, e.follow(ctx, sc, known)
	case known.Conclusion == "success":
		return next{}, true, e.supersede(ctx, sc, known)
	case known.Attempt > sc.inc.RunAttempt:
		return next{again: true}, true, e.failedAgain(ctx, sc, known)
	}
	return next{}, false, nil
}

// follow notes once that somebody has started the run again.
func (e *Engine) follow(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	if sc.inc.Following == known.Attempt {
		return nil
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.Following = known.Attempt
		reason := fmt.Sprintf("attempt %d of the run is under way; waiting for it", known.Attempt)
		return e.note(ctx, tx, sc.inc, reason, map[string]any{"run": known.RunID, "attempt": known.Attempt, "started_by": known.Actor, "url": known.URL})
	})
}

// failedAgain accounts for an attempt that no step of ours answers for: the
// same occurrence, so no second incident.
func (e *Engine) failedAgain(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.RunAttempt, sc.inc.Conclusion, sc.inc.Following, sc.inc.Cause = known.Attempt, known.Conclusion, 0, ""
		reason := fmt.Sprintf("attempt %d, started by %s, concluded %s", known.Attempt, who(known.Actor), known.Conclusion)
		return e.note(ctx, tx, sc.inc, reason, map[string]any{
			"run": known.RunID, "attempt": known.Attempt, "conclusion": known.Conclusion, "started_by": known.Actor, "url": known.URL,
		})
	})
}

// supersede ends the incident: the run itself got there.
func (e *Engine) supersede(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		evidence := map[string]any{"run": known.RunID, "attempt": known.Attempt, "conclusion": known.Conclusion, "started_by": known.Actor, "url": known.URL}
		for i := range sc.steps {
			st := &sc.steps[i]
			if was := st.State; was == store.StepStarted || was == store.StepInDoubt {
				st.State, st.DoneAt, st.Reason = store.StepSuperseded, e.now(), fmt.Sprintf("attempt %d of the run itself succeeded", known.Attempt)
				if err := e.writeStep(ctx, tx, st, was); err != nil {
					return err
				}
				if st.URL != "" {
					evidence["also_started"] = st.URL
				}
			}
		}
		if err := tx.SettleClaim(ctx, sc.inc.OccurrenceKey, "the run itself", e.now()); err != nil {
			return err
		}
		if err := e.closeBreaker(ctx, tx, sc.inc.RepoID, sc.inc.WorkflowPath); err != nil {
			return err
		}
		return e.move(ctx, tx, sc.inc, Superseded, fmt.Sprintf("attempt %d of the run succeeded", known.Attempt), evidence)
	})
}

package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// primary reads the failed run again, before anything is done about it: while
// we waited, somebody may have re-run it, or a later run may have succeeded. It
// also proves that the repository is where sc.repo says. stop is true when
// that leaves nothing to do in this turn.
func (e *Engine) primary(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	known, err := e.readPrimary(ctx, sc)
	if githubapi.IsNotFound(err) {
		// It may be the repository that is gone, and GitHub shows what it has
		// moved.
		if sc.repo, err = e.locate(ctx, sc.client, sc.repo); err == nil {
			known, err = e.readPrimary(ctx, sc)
		}
		if githubapi.IsNotFound(err) {
			return e.missing(ctx, sc)
		}
	}
	if err != nil {
		return next{}, false, err
	}
	if sc.inc.MissingSince != 0 {
		if err := e.reappeared(ctx, sc); err != nil {
			return next{}, false, err
		}
	}
	switch {
	case !known.Completed():
		return next{at: e.poll(sc.inc.UpdatedAt)}, true, e.follow(ctx, sc, known)
	case known.Conclusion == "success":
		told, err := e.toldToSkip(ctx, known)
		switch {
		case err != nil:
			return next{}, false, err
		case !told:
			return next{}, true, e.supersede(ctx, sc, known)
		case known.Attempt > sc.inc.RunAttempt:
			return next{again: true}, true, e.passOver(ctx, sc, known)
		}
	case known.Attempt > sc.inc.RunAttempt:
		return next{again: true}, true, e.failedAgain(ctx, sc, known)
	}
	stop, err = e.outdated(ctx, sc)
	return next{}, stop, err
}

// readPrimary reads the failed run, and its repository's name from it.
func (e *Engine) readPrimary(ctx context.Context, sc *scope) (known store.WorkflowRun, err error) {
	r, err := runs.Get(ctx, sc.client, sc.repo, sc.inc.RunID)
	if err != nil {
		return known, err
	}
	if sc.repo, err = e.recognise(ctx, sc.repo, r.GetRepository()); err != nil {
		return known, err
	}
	return known, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err = e.save(ctx, tx, sc.repo, r)
		return err
	})
}

// missing is a run that GitHub does not show although its repository is there.
// A server of GitHub's that lags behind answers so, too, and the run may have
// been started again; only when it has stayed away for settleRead is it taken
// for deleted. That it had failed is on record, and it cannot start any more.
func (e *Engine) missing(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	if sc.inc.MissingSince == 0 {
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			sc.inc.MissingSince = e.now()
			return e.note(ctx, tx, sc.inc, "GitHub does not show the run; looking again before anything is done", map[string]any{"run": sc.inc.RunID})
		})
		if err != nil {
			return next{}, false, err
		}
	}
	settled := sc.inc.MissingSince.Time().Add(e.scaled(settleRead))
	if e.Clock.Now().Before(settled) {
		return next{at: settled}, true, nil
	}
	stop, err = e.outdated(ctx, sc)
	return next{}, stop, err
}

func (e *Engine) reappeared(ctx context.Context, sc *scope) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.MissingSince = 0
		return e.note(ctx, tx, sc.inc, "GitHub shows the run again", map[string]any{"run": sc.inc.RunID})
	})
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

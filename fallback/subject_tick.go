package fallback

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// tickSubject is a tick of the schedule that no run has answered, or whose run
// came late and is under way.
type tickSubject struct{}

// look asks GitHub for the tick's run before anything is done in its place. One
// that has come by now is as the run of any incident from then on.
func (tickSubject) look(ctx context.Context, e *Engine, sc *scope) (n next, stop bool, err error) {
	if sc.inc.RunID != 0 {
		return e.lookAttached(ctx, sc)
	}
	list, err := e.freshRuns(ctx, sc)
	if err != nil {
		return next{}, false, err
	}
	r, ok, err := e.tickRun(ctx, sc)
	if err != nil {
		return next{}, false, err
	}
	if ok {
		// One that was told to skip its work, or that we have cancelled, has
		// come for nothing: it is as if there was none.
		told, err := e.toldToSkip(ctx, r)
		if err != nil {
			return next{}, false, err
		}
		if !told && sc.inc.LatePrimary != latePrimaryCancelled {
			return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.attach(ctx, tx, sc.inc, r) })
		}
	}
	if sc.inc.HeadSHA == "" {
		if err := e.addressTick(ctx, sc); err != nil {
			return next{}, false, err
		}
	}
	if sc.inc.Forced {
		return next{}, false, nil
	}
	if n, stop, err := e.pointless(ctx, sc, list); err != nil || stop {
		return n, stop, err
	}
	if stop, err := e.toldOnly(ctx, sc); err != nil || stop {
		return next{}, stop, err
	}
	return e.awaitOthers(ctx, sc, list)
}

// pointless says whether nobody needs an incident's tick to be made up for any
// more, or not yet.
func (e *Engine) pointless(ctx context.Context, sc *scope, list []store.WorkflowRun) (n next, stop bool, err error) {
	w, watched, err := store.ReadWatch(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath)
	if err != nil {
		return next{}, false, err
	}
	if n, stop, err := e.nobodys(ctx, sc, &w, watched); err != nil || stop {
		return n, stop, err
	}
	if r, done, err := e.doneByHand(ctx, sc, list); err != nil || done {
		if err != nil {
			return next{}, false, err
		}
		return next{}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.SettleClaim(ctx, sc.inc.OccurrenceKey, "the workflow, started by "+who(r.Actor), e.now()); err != nil {
				return err
			}
			if err := e.saveTick(ctx, tx, sc.inc, store.TickMissed); err != nil {
				return err
			}
			return e.well(ctx, tx, sc.inc, r)
		})
	}
	if n, stop, err := e.recoveredForTick(ctx, sc); err != nil || stop {
		return n, stop, err
	}
	if clock.CatchupOf(sc.flow) == config.CatchupAll {
		return e.inOrder(ctx, sc)
	}
	newer, evidence, err := e.newerTick(ctx, sc, &w)
	if err != nil || !newer {
		return next{}, false, err
	}
	return next{}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.dropTick(ctx, tx, sc.inc, evidence) })
}

// newerTick says whether a later tick has taken the place of an incident's for
// which nothing was begun: it has a run, or is missed itself. It is one of the
// same cron; where that has left the file, whatever stands there now has
// succeeded it.
func (e *Engine) newerTick(ctx context.Context, sc *scope, w *store.Watch) (bool, map[string]any, error) {
	if sc.acted() {
		return false, nil, nil
	}
	cron := sc.inc.TickCron
	stands, err := clock.Has(w, cron)
	if err != nil {
		return false, nil, err
	}
	if !stands {
		cron = ""
	}
	db := e.Store.Read()
	r, ok, err := store.LaterTickRun(ctx, db, sc.inc.RepoID, sc.inc.WorkflowPath, cron, sc.inc.TickAt)
	if err != nil || ok {
		return ok, map[string]any{"tick": r.TickAt.Time(), "run": r.RunID, "url": r.URL}, err
	}
	list, err := store.TickIncidents(ctx, db, store.TickFilter{RepoID: sc.inc.RepoID, WorkflowPath: sc.inc.WorkflowPath, Signal: string(Missed), Cron: cron, States: unsettled, After: sc.inc.TickAt})
	// One of a tick to come is from a clock that ran ahead, and waits for it.
	list = slices.DeleteFunc(list, func(inc store.Incident) bool { return inc.TickAt > e.now() })
	if err != nil || len(list) == 0 {
		return false, nil, err
	}
	newest := &list[len(list)-1]
	if State(sc.inc.State).Waiting() && newest.ConfirmedAt == 0 && State(sc.inc.State) != Suppressed {
		return false, nil, nil // a person can still decide about this one until the other is certain
	}
	return true, map[string]any{"tick": newest.TickAt.Time(), "incident": newest.ID}, nil
}

// inOrder makes ticks up one after the other, the oldest first.
func (e *Engine) inOrder(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	if s := State(sc.inc.State); s != Failing && s != Recovering {
		return next{}, false, nil
	}
	list, err := store.TickIncidents(ctx, e.Store.Read(), store.TickFilter{
		RepoID: sc.inc.RepoID, WorkflowPath: sc.inc.WorkflowPath, Signal: string(Missed), Before: sc.inc.TickAt,
		States: stateNames([]State{Suspected, Failing, Recovering, Verifying}),
	})
	if err != nil || len(list) == 0 {
		return next{}, false, err
	}
	return next{at: e.poll(sc.inc.UpdatedAt)}, true, nil // its end wakes this one
}

// acted says whether a step of an incident was begun.
func (sc *scope) acted() bool {
	return slices.ContainsFunc(sc.steps, func(st store.Step) bool { return st.Epoch != 0 })
}

// nobodys ends the incident of a tick that is nobody's any more, unless it is
// being recovered. A workflow that is not watched may be again in a moment,
// when somebody puts back what was taken away.
func (e *Engine) nobodys(ctx context.Context, sc *scope, w *store.Watch, watched bool) (n next, stop bool, err error) {
	inc := sc.inc
	if sc.acted() {
		return next{}, false, nil
	}
	r, known, err := e.Store.Repository(ctx, inc.RepoID)
	if err != nil {
		return next{}, false, err
	}
	if known && r.Archived {
		return next{}, true, e.disown(ctx, sc, archivedReason)
	}
	if !watched {
		_, ended, err := store.EndedWatch(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath, e.now()-store.Millis(store.KeepWatch.Milliseconds()))
		if err != nil {
			return next{}, false, err
		}
		if until := ended.Time().Add(store.KeepWatch); ended != 0 && e.Clock.Now().Before(until) {
			return next{at: until}, true, nil // its return wakes this one
		}
		return next{}, true, e.disown(ctx, sc, "the workflow is not watched any more")
	}
	if inc.ConfirmedAt != 0 {
		// It is certain that its work is missing. What becomes of the schedule
		// now does not do it: a person decides, or a good run.
		return next{}, false, nil
	}
	if ok, err := clock.Stands(w, schedule.Tick{At: inc.TickAt.Time(), Cron: inc.TickCron}); err != nil || !ok {
		if err != nil {
			return next{}, false, err
		}
		return next{}, true, e.disown(ctx, sc, "the schedule has changed since the tick")
	}
	if w.WatchedSince > inc.TickAt {
		off, err := e.offAtTick(ctx, inc)
		if err != nil || off {
			return next{}, false, err
		}
		return next{}, true, e.disown(ctx, sc, "the workflow was switched off at the tick, or not watched")
	}
	return next{}, false, nil
}

// disown ends the incident of a tick that is nobody's.
func (e *Engine) disown(ctx context.Context, sc *scope, why string) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.saveTick(ctx, tx, sc.inc, store.TickUnwatched); err != nil {
			return err
		}
		return e.move(ctx, tx, sc.inc, Healthy, why, map[string]any{"tick": sc.inc.TickAt.Time()})
	})
}

// lookAttached follows the run that has come for a tick after all.
func (e *Engine) lookAttached(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	if n, stop, err = e.primary(ctx, sc); err != nil || stop || sc.inc.Conclusion != "" {
		return n, stop, err
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
	if err != nil || !ok || !known.Completed() { // gone for good: there is none
		return next{}, false, err
	}
	told, err := e.toldToSkip(ctx, known)
	if err != nil {
		return next{}, false, err
	}
	reason := fmt.Sprintf("the tick's run concluded %s", known.Conclusion)
	return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if runs.Failed(known.Conclusion) || told {
			fill(sc.inc, known)
			sc.inc.Conclusion = known.Conclusion
			return e.note(ctx, tx, sc.inc, reason, runEvidence(known))
		}
		return e.move(ctx, tx, sc.inc, Superseded, reason+", which was somebody's decision", runEvidence(known))
	})
}

// ended: a tick that has no run can still get one, for half a day and more,
// unless the workflow is switched off.
func (tickSubject) ended(ctx context.Context, e *Engine, sc *scope) (string, error) {
	if sc.inc.RunID != 0 {
		return "the run has ended", nil // look has just read it
	}
	off, err := e.offAtTick(ctx, sc.inc)
	if err != nil {
		return "", err
	}
	if off {
		return "the workflow was switched off at its tick", nil
	}
	state, err := e.workflowState(ctx, sc)
	if err == nil && state != byPerson && (schedule.SwitchedOff(state) || state == workflowDeleted) {
		return fmt.Sprintf("GitHub has the workflow as %s", state), nil
	}
	return "", err // what a person has switched off is that person's affair, and may be on again in a moment
}

// deadline is when the tick of an incident counts as missed.
func (e *Engine) deadline(sc *scope, w *store.Watch) time.Time {
	return sc.inc.BeganAt.Time().Add(e.scaled(clock.Grace(w, sc.flow).Hard))
}

package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// recoveredForTick looks at the incidents of runs that somebody has started
// after the tick and that have failed, before the tick was suspected: what a
// recovery of theirs has done is the tick's work as well. While one is open,
// nothing is begun for the tick.
func (e *Engine) recoveredForTick(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	list, err := store.UntickedIncidents(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath, sc.inc.TickAt)
	if err != nil {
		return next{}, false, err
	}
	for i := range list {
		o := &list[i]
		if State(o.State) == Recovered && forTicks(o) {
			return next{}, true, e.madeUpFor(ctx, sc, o)
		}
	}
	if s := State(sc.inc.State); s != Suspected && s != Failing || sc.acted() {
		return next{}, false, nil
	}
	for i := range list {
		o := &list[i]
		if s := State(o.State); !forTicks(o) || s.Settled() || s == Exhausted {
			continue
		}
		reason := fmt.Sprintf("incident %d is about run %d, which was started after the tick; waiting for its end before anything is done", o.ID, o.RunID)
		return next{at: e.poll(o.UpdatedAt)}, true, e.noteOnce(ctx, sc.inc, reason, map[string]any{"incident": o.ID, "run": o.RunID, "url": o.RunURL})
	}
	return next{}, false, nil
}

// forTicks says that the run of an incident without a tick may do the work of
// one: somebody has started it, or GitHub's schedule a second time.
func forTicks(inc *store.Incident) bool {
	return inc.TickAt == 0 && (byHand(inc.Event) || inc.Event == schedule.Event) && (inc.Signal == string(Failed) || inc.Signal == string(Stalled))
}

// madeUpFor ends the incident of a tick whose work another incident's recovery has done.
func (e *Engine) madeUpFor(ctx context.Context, sc *scope, by *store.Incident) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SettleClaim(ctx, sc.inc.OccurrenceKey, incidentOwner(by.ID), e.now()); err != nil {
			return err
		}
		if err := e.saveTick(ctx, tx, sc.inc, store.TickMissed); err != nil {
			return err
		}
		reason := fmt.Sprintf("incident %d has recovered run %d, which was started after the tick: its work is done", by.ID, by.RunID)
		return e.move(ctx, tx, sc.inc, Healthy, reason, map[string]any{"incident": by.ID, "run": by.RunID, "url": by.RunURL})
	})
}

// wakeTicks wakes the ticks that wait for an incident which has come to an end.
func (e *Engine) wakeTicks(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	if !forTicks(inc) {
		return nil
	}
	return e.wakeMissed(ctx, tx, inc.RepoID, inc.WorkflowPath, string(Suspected), string(Failing), string(Exhausted), string(InDoubt))
}

package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// The states of a breaker, named as in gobreaker.
//
// It is not gobreaker: that one reads the wall clock itself, and wraps a call
// that begins and ends in one process, while a recovery lasts for hours and
// across restarts. What is needed of it is these few lines over a row that
// changes in the same transaction as the incident.
const (
	breakerClosed   = "closed"
	breakerOpen     = "open"
	breakerHalfOpen = "half_open"
)

// defaultBreaker is the contract's default.
var defaultBreaker = config.Breaker{Failures: 5, Cooldown: config.Duration(5 * 60e9)}

func orDefault(b config.Breaker) config.Breaker {
	if b.Failures <= 0 {
		b.Failures = defaultBreaker.Failures
	}
	if b.Cooldown <= 0 {
		b.Cooldown = defaultBreaker.Cooldown
	}
	return b
}

// admitted asks the breaker whether a new incident may be recovered; stop is
// true when it may not yet and has been suppressed.
func (e *Engine) admitted(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	inc := sc.inc
	b, err := e.breakerOf(ctx, sc)
	if err != nil || b.State == breakerClosed {
		return next{}, false, err
	}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if b, err = store.ReadBreaker(ctx, tx, inc.RepoID, inc.WorkflowPath); err != nil {
			return err
		}
		now := e.now()
		switch {
		case b.State == breakerClosed, b.State == breakerHalfOpen && b.Probe == inc.ID:
			return nil
		case b.Until <= now:
			// The cool-down is over, or the last probe's time is up without an
			// answer (it waits for a person): this incident is the probe.
			b.State, b.Probe, b.UpdatedAt = breakerHalfOpen, inc.ID, now
			b.Until = store.MillisOf(e.Clock.Now().Add(e.StepDeadline))
			return tx.SaveBreaker(ctx, b)
		}
		stop = true
		inc.NotBefore = b.Until
		reason := fmt.Sprintf("the breaker is open after %d failed recoveries in a row, until %s", b.Failures, b.Until.Time().Format(timeFormat))
		if b.State == breakerHalfOpen {
			reason = fmt.Sprintf("the breaker lets only incident %d through until it is over", b.Probe)
		}
		return e.move(ctx, tx, inc, Suppressed, reason, map[string]any{"failures": b.Failures, "until": b.Until.Time(), "probe": b.Probe})
	})
	return next{at: inc.NotBefore.Time()}, stop, err
}

// release looks whether a suppressed incident may go on.
func (e *Engine) release(ctx context.Context, sc *scope) (next, error) {
	if n, stop, err := sc.subject().look(ctx, e, sc); err != nil || stop {
		return n, err
	}
	by, h, err := e.stillHeld(ctx, sc)
	if err != nil {
		return next{}, err
	}
	if h != nil {
		return e.keepHolding(ctx, sc, by, h)
	}
	if onlyPaused(sc.inc) {
		return next{again: true}, e.letGo(ctx, sc, "nothing holds it back any more")
	}
	b, err := e.breakerOf(ctx, sc)
	if err != nil {
		return next{}, err
	}
	probe := b.State == breakerHalfOpen && b.Probe == sc.inc.ID
	if b.State != breakerClosed && b.Until > e.now() && !probe {
		return next{at: b.Until.Time()}, e.sooner(ctx, sc, b)
	}
	if until, err := e.crowded(ctx, e.Store.Read(), sc.inc); err != nil || until != 0 {
		return next{at: until.Time()}, err
	}
	reason := "the breaker's cool-down is over; this incident tries whether recovery works again"
	if b.State == breakerClosed {
		reason = "nothing holds it back any more"
	}
	return next{again: true}, e.letGo(ctx, sc, reason)
}

// breakerOf reads the breaker of an incident's workflow. One that was written by
// a clock that ran ahead, and has been set right since, would stay open by as
// much longer: it is open for as long as it may be from now on.
func (e *Engine) breakerOf(ctx context.Context, sc *scope) (store.Breaker, error) {
	inc := sc.inc
	b, err := store.ReadBreaker(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath)
	if err != nil || b.UpdatedAt <= e.now() {
		return b, err
	}
	return b, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if b, err = store.ReadBreaker(ctx, tx, inc.RepoID, inc.WorkflowPath); err != nil || b.UpdatedAt <= e.now() {
			return err
		}
		open := e.scaled(orDefault(sc.flow.Breaker).Cooldown.Std())
		if b.State == breakerHalfOpen {
			open = e.StepDeadline
		}
		b.Until, b.UpdatedAt = min(b.Until, store.MillisOf(e.Clock.Now().Add(open))), e.now()
		if err := tx.SaveBreaker(ctx, b); err != nil {
			return err
		}
		return e.wakeSuppressed(ctx, tx, inc.RepoID, inc.WorkflowPath)
	})
}

// sooner writes down that an incident is held back for less long than was thought.
func (e *Engine) sooner(ctx context.Context, sc *scope, b store.Breaker) error {
	if sc.inc.NotBefore <= b.Until {
		return nil
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.NotBefore, sc.inc.Reason = b.Until, fmt.Sprintf("the breaker is open until %s", b.Until.Time().Format(timeFormat))
		return e.note(ctx, tx, sc.inc, sc.inc.Reason, map[string]any{"failures": b.Failures, "until": b.Until.Time()})
	})
}

// letGo takes a suppressed incident back to work.
func (e *Engine) letGo(ctx context.Context, sc *scope, reason string) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.NotBefore, sc.inc.HeldBy = 0, ""
		return e.move(ctx, tx, sc.inc, e.backTo(sc.inc), reason, nil)
	})
}

// returnProbe lets another incident be the probe: this one is held back, and
// would keep the breaker waiting for an answer that does not come.
func (e *Engine) returnProbe(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	b, err := store.ReadBreaker(ctx, tx, inc.RepoID, inc.WorkflowPath)
	if err != nil || b.State != breakerHalfOpen || b.Probe != inc.ID {
		return err
	}
	b.State, b.Probe, b.Until, b.UpdatedAt = breakerOpen, 0, e.now(), e.now()
	return tx.SaveBreaker(ctx, b)
}

// failBreaker counts a recovery that was tried and exhausted.
func (e *Engine) failBreaker(ctx context.Context, tx *store.Tx, inc *store.Incident, c config.Breaker) error {
	c = orDefault(c)
	b, err := store.ReadBreaker(ctx, tx, inc.RepoID, inc.WorkflowPath)
	if err != nil {
		return err
	}
	b.Failures++
	b.UpdatedAt = e.now()
	if b.State == breakerHalfOpen || b.Failures >= c.Failures {
		b.State, b.Probe = breakerOpen, 0
		b.Until = store.MillisOf(e.Clock.Now().Add(e.scaled(c.Cooldown.Std())))
	}
	if err := tx.SaveBreaker(ctx, b); err != nil {
		return err
	}
	return e.wakeSuppressed(ctx, tx, inc.RepoID, inc.WorkflowPath)
}

// closeBreaker is the news of a success.
func (e *Engine) closeBreaker(ctx context.Context, tx *store.Tx, repoID int64, path string) error {
	b, err := store.ReadBreaker(ctx, tx, repoID, path)
	if err != nil || b.State == breakerClosed && b.Failures == 0 {
		return err
	}
	b = store.Breaker{RepoID: repoID, WorkflowPath: path, State: breakerClosed, UpdatedAt: e.now()}
	if err := tx.SaveBreaker(ctx, b); err != nil {
		return err
	}
	return e.wakeSuppressed(ctx, tx, repoID, path)
}

// wakeSuppressed lets the incidents that a breaker holds back look again, when
// it has changed.
func (e *Engine) wakeSuppressed(ctx context.Context, tx *store.Tx, repoID int64, path string) error {
	held, err := store.Incidents(ctx, tx, store.IncidentFilter{RepoID: repoID, WorkflowPath: path, States: []string{string(Suppressed)}})
	if err != nil {
		return err
	}
	for _, inc := range held {
		if err := e.wake(ctx, tx, inc.ID); err != nil {
			return err
		}
	}
	return nil
}

// timeFormat is how moments are shown to people.
const timeFormat = "2006-01-02 15:04:05 UTC"

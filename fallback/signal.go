package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/store"
)

// Signal is what gave an incident away.
type Signal string

// The signals.
const (
	Failed   Signal = "failed"   // a run ended badly
	Missed   Signal = "missed"   // no run has answered a tick of the schedule
	Stalled  Signal = "stalled"  // a run waits or hangs
	Absent   Signal = "absent"   // a push has started no run
	Disabled Signal = "disabled" // GitHub has switched the workflow off
	Upstream Signal = "upstream" // what many workflows depend on is down
)

// Signals are all of them.
var Signals = []Signal{Failed, Missed, Stalled, Absent, Disabled, Upstream}

// subject is what an incident is about. Each signal has one.
type subject interface {
	// look reads the truth afresh before anything is done about it. stop is
	// true when that leaves nothing to do in this turn. It proves, too, that
	// the repository is where sc.repo says.
	look(ctx context.Context, e *Engine, sc *scope) (n next, stop bool, err error)
	// confirm decides about a suspicion: it moves the incident on, or says when
	// to look again.
	confirm(ctx context.Context, e *Engine, sc *scope) (next, error)
	// ended says why the primary can take no effect any more, "" when it still
	// can. It is asked before the first step of work that must not be done twice.
	ended(ctx context.Context, e *Engine, sc *scope) (string, error)
}

// subject of an incident. A tick, a push or a stuck run that has got a run
// which ended is like a failed one from then on.
func (sc *scope) subject() subject {
	switch Signal(sc.inc.Signal) {
	case Missed:
		return tickSubject{}
	case Stalled:
		return stallSubject{}
	case Absent:
		return pushSubject{}
	case Disabled:
		return disabledSubject{}
	default:
		return runSubject{}
	}
}

// runSubject is a run that ended badly.
type runSubject struct{}

func (runSubject) look(ctx context.Context, e *Engine, sc *scope) (next, bool, error) {
	return e.primary(ctx, sc)
}

// confirm has nothing to wait for: GitHub has said itself that the run failed.
func (runSubject) confirm(ctx context.Context, e *Engine, sc *scope) (next, error) {
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.move(ctx, tx, sc.inc, Failing, "the run concluded "+sc.inc.Conclusion, nil)
	})
}

func (runSubject) ended(context.Context, *Engine, *scope) (string, error) {
	return "the run has ended", nil // look has just read it
}

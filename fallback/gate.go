package fallback

import (
	"context"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// gate can hold the next step of an incident back, although it would apply.
// What a person has asked for passes them all, but for a pause that is newer.
type gate struct {
	name string // kept with the incident while it holds it
	// ask says what is to be done instead of the step, nil when nothing is
	// against it. It reads; what it has to write, it returns.
	ask func(ctx context.Context, e *Engine, sc *scope, s step) (*hold, error)
}

// hold is the answer of a gate that is closed.
type hold struct {
	reason   string
	evidence map[string]any
	// skip passes over the rung for good instead of waiting.
	skip bool
	// to is the state that the incident goes to; "" is Suppressed.
	to State
	// until is when to ask again; zero: something wakes the incident.
	until time.Time
	// write is done in the transaction of the transition; may be nil.
	write func(ctx context.Context, tx *store.Tx) error
}

// gates in the order in which they are asked. The workflow's breaker and the
// hourly bound are asked with the transactions that count them.
var gates = []gate{
	{pauseName, pauseGate},
	{"upstream", upstreamGate},
	{"flapping", flappingGate},
	{"cooldown", cooldownGate},
	{"proof", proofGate},
	{budgetName, budgetGate},
}

// gated asks the gates. stop is true when one of them is closed.
func (e *Engine) gated(ctx context.Context, sc *scope, s step) (n next, stop bool, err error) {
	return e.gatedBut(ctx, sc, s)
}

// gatedBut asks all gates but some.
func (e *Engine) gatedBut(ctx context.Context, sc *scope, s step, but ...string) (n next, stop bool, err error) {
	if reason := e.askedEnough(sc, s); reason != "" {
		return next{again: true}, true, e.skip(ctx, sc, s, reason, nil)
	}
	for _, g := range gates {
		if slices.Contains(but, g.name) || sc.inc.Forced && g.name != pauseName {
			continue
		}
		h, err := g.ask(ctx, e, sc, s)
		if err != nil {
			return next{}, false, err
		}
		if h == nil {
			continue
		}
		if h.skip {
			return next{again: true}, true, e.skip(ctx, sc, s, h.reason, nil)
		}
		return next{at: h.until}, true, e.holdBack(ctx, sc, g.name, h)
	}
	return next{}, false, nil
}

// holdBack takes an incident to where a closed gate wants it.
func (e *Engine) holdBack(ctx context.Context, sc *scope, by string, h *hold) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.heldBy(ctx, tx, sc.inc, by, h); err != nil {
			return err
		}
		to := h.to
		if to == "" {
			to = Suppressed
		}
		if err := e.returnProbe(ctx, tx, sc.inc); err != nil {
			return err
		}
		return e.move(ctx, tx, sc.inc, to, h.reason, h.evidence)
	})
}

// heldBy makes a gate the one that holds an incident, with what goes with it.
func (e *Engine) heldBy(ctx context.Context, tx *store.Tx, inc *store.Incident, by string, h *hold) error {
	if h.write != nil {
		if err := h.write(ctx, tx); err != nil {
			return err
		}
	}
	inc.HeldBy, inc.NotBefore = by, 0
	if !h.until.IsZero() {
		inc.NotBefore = store.MillisOf(h.until)
	}
	return nil
}

// stillHeld asks the gates about an incident that is suppressed: which of them
// is closed; nil when all are open.
func (e *Engine) stillHeld(ctx context.Context, sc *scope) (by string, h *hold, err error) {
	s, err := sc.rung(min(sc.inc.StepIndex, max(len(sc.flow.Recover)-1, 0)))
	if err != nil || len(sc.flow.Recover) == 0 {
		return "", nil, nil //nolint:nilerr // without a rung there is nothing to hold back
	}
	for _, g := range gates {
		if onlyPaused(sc.inc) && g.name != pauseName {
			continue
		}
		if h, err := g.ask(ctx, e, sc, s); err != nil || h != nil && !h.skip {
			return g.name, h, err
		}
	}
	return "", nil, nil
}

// keepHolding leaves an incident suppressed, or gives it up where a gate says
// so. Another gate than the one that held it takes its place with all that goes
// with it: the first one is open and wakes nobody any more.
func (e *Engine) keepHolding(ctx context.Context, sc *scope, by string, h *hold) (next, error) {
	inc := sc.inc
	if h.to != "" && h.to != Suppressed {
		return next{}, e.holdBack(ctx, sc, by, h)
	}
	if inc.HeldBy == by && (by == gateUpstream && (h.write == nil || inc.UpstreamID != 0 && h.evidence["upstream"] == inc.UpstreamID) || inc.Reason == h.reason) {
		return next{at: h.until}, nil
	}
	return next{at: h.until}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		same := inc.HeldBy == by && by == budgetName // room comes and goes, and is no news
		if err := e.heldBy(ctx, tx, inc, by, h); err != nil {
			return err
		}
		inc.Reason = h.reason
		if same {
			return tx.SwapIncident(ctx, inc, inc.State)
		}
		return e.note(ctx, tx, inc, h.reason, h.evidence)
	})
}

// backTo is where a suppressed incident goes on: what was never confirmed is
// suspected again.
func (e *Engine) backTo(inc *store.Incident) State {
	if inc.ConfirmedAt == 0 {
		return Suspected
	}
	return Failing
}

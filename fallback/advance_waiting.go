package fallback

import (
	"context"
	"errors"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// reconsider looks whether an exhausted incident has become pointless.
func (e *Engine) reconsider(ctx context.Context, sc *scope) (next, error) {
	n, stop, err := sc.subject().look(ctx, e, sc)
	if err != nil || stop {
		return n, err
	}
	later, ok, err := store.LaterSuccess(ctx, e.Store.Read(), sc.inc)
	if err != nil {
		return next{}, err
	}
	if ok {
		return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.well(ctx, tx, sc.inc, later) })
	}
	// What a step has started can do the work after the step was given up.
	c, known, err := e.Store.Claim(ctx, sc.inc.OccurrenceKey)
	if err != nil || !known || c.State != store.ClaimDone || isIncident(c.Owner) {
		return next{}, err
	}
	return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.claimed(ctx, tx, sc.inc, c) })
}

// doubt asks once more for what could not be found out. Evidence that comes
// late still counts; without any, a person decides.
func (e *Engine) doubt(ctx context.Context, sc *scope) (next, error) {
	n, stop, err := sc.subject().look(ctx, e, sc)
	if err != nil || stop {
		return n, err
	}
	st := sc.last(store.StepInDoubt)
	if st == nil && sc.inc.HeldBy == proofName {
		return e.proven(ctx, sc)
	}
	if st == nil { // the claim is in doubt, not a step of ours
		return e.foreignDoubt(ctx, sc)
	}
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return next{}, err
	}
	ask := s.resolve
	if st.RunID != 0 {
		ask = s.verify
	}
	res, err := ask(ctx, e, sc, st)
	if errors.Is(err, errNoLogin) {
		return next{at: e.Clock.Now().Add(e.scaled(pollSettle))}, nil
	}
	if err != nil {
		return next{}, err
	}
	switch res.verdict {
	case happened, succeeded, failedStep, refused:
		return e.settle(ctx, sc, st, res)
	case pending:
		return next{at: e.Clock.Now().Add(e.scaled(pollDoubt))}, nil
	case inDoubt: // for another reason, perhaps
		return next{}, e.noteOnce(ctx, sc.inc, fmt.Sprintf("step %d (%s): %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason), res.evidence)
	default:
		return next{}, nil
	}
}

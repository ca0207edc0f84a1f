package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// wakeClaimant wakes the incident whose claim was given back or said to be done
// by whoever held it.
func (e *Engine) wakeClaimant(ctx context.Context, tx *store.Tx, key string) error {
	inc, ok, err := store.IncidentOfKey(ctx, tx, key)
	if err != nil || !ok || State(inc.State).Settled() {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

// noteWait writes once what the next step waits for. The incident is read
// again: what was to be written of it came to nothing.
func (e *Engine) noteWait(ctx context.Context, id int64, why string) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		inc, ok, err := store.ReadIncident(ctx, tx, id)
		if err != nil || !ok || inc.Reason == why || State(inc.State) != Failing && State(inc.State) != Recovering {
			return err
		}
		inc.Reason = why
		return e.note(ctx, tx, &inc, why, nil)
	})
}

// heldElsewhere says who keeps an incident from its next step by holding its
// claim; "" when nobody does.
func (e *Engine) heldElsewhere(ctx context.Context, tx *store.Tx, inc *store.Incident) (string, error) {
	if s := State(inc.State); s != Failing && s != Recovering {
		return "", nil
	}
	c, known, err := store.ReadClaim(ctx, tx, inc.OccurrenceKey)
	if err != nil || !known || c.State != store.ClaimHeld || isIncident(c.Owner) || c.LeaseUntil < e.now() {
		return "", err
	}
	return refusalOf(c), nil
}

// foreignDoubt settles what an incident waits for when the claim, and no step
// of ours, was in doubt: its holder has said in the end what became of the work.
func (e *Engine) foreignDoubt(ctx context.Context, sc *scope) (next, error) {
	c, known, err := e.Store.Claim(ctx, sc.inc.OccurrenceKey)
	if err != nil || !known || isIncident(c.Owner) {
		return next{}, err
	}
	evidence := map[string]any{"owner": c.Owner, "epoch": c.Epoch}
	switch c.State {
	case store.ClaimDone:
		return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.claimed(ctx, tx, sc.inc, c) })
	case store.ClaimFree:
		return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.move(ctx, tx, sc.inc, Failing, fmt.Sprintf("%s has given the claim back", c.Owner), evidence)
		})
	}
	return next{}, nil
}

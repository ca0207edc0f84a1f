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

// lapsed says whether a claim is in doubt, written down as such or not yet.
func (e *Engine) lapsed(c store.Claim) bool {
	return c.State == store.ClaimInDoubt || c.State == store.ClaimHeld && c.LeaseUntil < e.now()
}

// heldElsewhere is the claim by which somebody else keeps an incident from its
// next step; held is false when nobody does.
func (e *Engine) heldElsewhere(ctx context.Context, tx *store.Tx, inc *store.Incident) (c store.Claim, held bool, err error) {
	if s := State(inc.State); s != Failing && s != Recovering && (s != InDoubt || inc.HeldBy == proofName) {
		return c, false, nil
	}
	c, known, err := store.ReadClaim(ctx, tx, inc.OccurrenceKey)
	if err != nil || !known || isIncident(c.Owner) {
		return c, false, err
	}
	return c, c.State == store.ClaimHeld || c.State == store.ClaimInDoubt, nil
}

// waitsForClaim answers who asks for an incident whose claim somebody else
// holds. As long as the lease lasts, the answer is who that is. After it there
// is a doubt, and the person's word is the decision: decided is false then.
func (e *Engine) waitsForClaim(ctx context.Context, tx *store.Tx, inc *store.Incident, c store.Claim, automated bool) (a Answer, decided bool, err error) {
	name := workflowName(inc.WorkflowPath)
	if e.lapsed(c) && !automated {
		return a, false, e.claimDoubted(ctx, tx, inc, c)
	}
	goesOn := "It goes on when the claim is given back"
	switch id, _, isRun := ownerRun(c.Owner); {
	case e.lapsed(c):
		goesOn = "A person can take it further"
	case isRun:
		goesOn = fmt.Sprintf("It goes on when run %d has ended, or says so; after the lease a person decides", id)
	}
	c.State = store.ClaimHeld
	if e.lapsed(c) {
		c.State = store.ClaimInDoubt
	}
	return Answer{IncidentID: inc.ID, Message: fmt.Sprintf("Incident %d of %s waits for its claim, and nothing is done meanwhile: %s. %s.", inc.ID, name, refusalOf(c), goesOn)}, true, nil
}

// claimDoubted writes down that the claim of an incident is in doubt.
func (e *Engine) claimDoubted(ctx context.Context, tx *store.Tx, inc *store.Incident, c store.Claim) error {
	if c.State == store.ClaimHeld {
		if err := tx.SetClaim(ctx, c.Key, c.Epoch, store.ClaimInDoubt, e.now()); err != nil {
			return err
		}
	}
	return e.move(ctx, tx, inc, InDoubt, c.Owner+" held the claim and never said what it did", map[string]any{"owner": c.Owner, "epoch": c.Epoch})
}

// foreignDoubt settles what an incident waits for when the claim, and no step
// of ours, was in doubt: its holder has said in the end what became of the
// work, or the run that held it has ended without doing it.
func (e *Engine) foreignDoubt(ctx context.Context, sc *scope) (next, error) {
	if err := e.holder(ctx, sc); err != nil {
		return next{}, err
	}
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
	id, attempt, isRun := ownerRun(c.Owner)
	if !isRun {
		return next{}, nil
	}
	r, seen, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, id)
	if err != nil {
		return next{}, err
	}
	if !seen || r.Attempt == attempt && !r.Completed() {
		return next{at: e.Clock.Now().Add(e.scaled(pollDoubt))}, nil
	}
	reason := fmt.Sprintf("attempt %d of run %d, which held the claim, has ended", attempt, id) // acquire judges it
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.move(ctx, tx, sc.inc, Failing, reason, runEvidence(r))
	})
}

package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// grantRun answers an attempt of a run that asks whether its work is its own.
func (e *Engine) grantRun(ctx context.Context, tx *store.Tx, s claimSubject, r ClaimRequest, attempt int) (store.Claim, string, error) {
	c, known, err := store.ReadClaim(ctx, tx, s.key)
	if err != nil {
		return c, "", err
	}
	switch {
	case attempt > s.run.Attempt:
		return c, "", e.aheadOfRecord(ctx, tx, s, c, attempt)
	case attempt < s.run.Attempt:
		return c, fmt.Sprintf("attempt %d is not the newest one of the run, which is %d", attempt, s.run.Attempt), nil
	case s.run.Completed():
		return c, fmt.Sprintf("attempt %d has ended", attempt), nil
	}
	// An attempt gets one answer: its further jobs must not do a part of the work.
	told, was, err := store.ReadRefusal(ctx, tx, s.run.RepoID, s.run.RunID, attempt)
	if err != nil || was {
		return c, fmt.Sprintf("attempt %d was told before to skip its work, which was that of %s", attempt, told.Owner), err
	}
	if known && isIncident(c.Owner) && c.State != store.ClaimFree { // what was given up is whose who comes first
		ours, why, err := e.ourOwn(ctx, tx, s, c)
		if err != nil || ours && why == "" {
			return c, why, err
		}
		if ours {
			return c, why, e.refuseRun(ctx, tx, s, c)
		}
	}
	holder, by, isRun := ownerRun(c.Owner)
	if known && isRun && holder == s.run.RunID && (c.State == store.ClaimHeld || c.State == store.ClaimInDoubt) {
		lease := store.MillisOf(e.Clock.Now().Add(r.Lease))
		if by < attempt { // GitHub starts an attempt only when the one before has ended
			c, err = tx.TakeOver(ctx, c, r.Owner, e.now(), lease)
			return c, "", err
		}
		// It is under way, since it asks, however long an approval took.
		c.State, c.LeaseUntil, c.UpdatedAt = store.ClaimHeld, max(c.LeaseUntil, lease), e.now()
		return c, "", tx.Renew(ctx, c)
	}
	c, why, err := e.grant(ctx, tx, s.key, r)
	if err != nil || why == "" {
		return c, why, err
	}
	return c, why, e.refuseRun(ctx, tx, s, c)
}

// aheadOfRecord answers an attempt that GitHub does not show yet: nil when a step
// of ours has started it and holds the claim, and [ErrClaimBusy] otherwise, so
// that it asks again: told to skip, its success would count, since nothing is on
// record of it.
func (e *Engine) aheadOfRecord(ctx context.Context, tx *store.Tx, s claimSubject, c store.Claim, attempt int) error {
	ahead := *s.run
	ahead.Attempt = attempt
	ours, why, err := e.ourOwn(ctx, tx, claimSubject{key: s.key, run: &ahead}, c)
	if err == nil && (!ours || why != "") {
		err = fmt.Errorf("%w: attempt %d of run %d is not to be seen yet", ErrClaimBusy, attempt, s.run.RunID)
	}
	return err
}

// ourOwn says whether a run is what a step of ours has started: it acts under
// the claim of the step, as long as that is the newest one.
func (e *Engine) ourOwn(ctx context.Context, tx *store.Tx, s claimSubject, c store.Claim) (ours bool, why string, err error) {
	st, started, err := store.StepOfRun(ctx, tx, s.run.RepoID, s.run.RunID, s.run.Attempt)
	if err != nil {
		return false, "", err
	}
	if !started {
		// A re-run of ours can ask before its own request is answered.
		if st, started, err = store.RerunOf(ctx, tx, c.Key, s.run.RunID, s.run.Attempt); err != nil {
			return false, "", err
		}
	}
	if !started {
		if st, started, err = e.freshlyDispatched(ctx, tx, s, c); err != nil || !started {
			return false, "", err
		}
		if c.State != store.ClaimHeld {
			return true, refusalOf(c), nil
		}
		// Told to do the step's work, it is the step's run, whatever becomes of
		// the answer to the request and however GitHub's lists lag.
		child := store.Child{RepoID: s.run.RepoID, RunID: s.run.RunID, Attempt: s.run.Attempt, StepID: st.ID, IncidentID: st.IncidentID}
		if err := tx.Adopt(ctx, child); err != nil {
			return false, "", err
		}
	}
	switch {
	case c.Epoch != st.Epoch:
		why = fmt.Sprintf("epoch %d was replaced by epoch %d", st.Epoch, c.Epoch)
	case c.State != store.ClaimHeld:
		why = refusalOf(c)
	}
	return true, why, nil
}

// refuseRun remembers that an attempt was told to skip its work. Its success
// proves nothing then.
func (e *Engine) refuseRun(ctx context.Context, tx *store.Tx, s claimSubject, c store.Claim) error {
	first, err := tx.AddRefusal(ctx, store.Refusal{
		RepoID: s.run.RepoID, RunID: s.run.RunID, Attempt: s.run.Attempt, ClaimKey: s.key, Owner: c.Owner, At: e.now(),
	})
	if err != nil || !first {
		return err
	}
	inc, ok, err := store.IncidentOfKey(ctx, tx, s.key)
	if err != nil || !ok {
		return err
	}
	if itsPrimary(&inc, s.run) && inc.LatePrimary == "" {
		inc.LatePrimary = latePrimarySkipped
	}
	reason := fmt.Sprintf("attempt %d of run %d asked for the claim and was told to skip its work: %s", s.run.Attempt, s.run.RunID, refusalOf(c))
	evidence := map[string]any{"run": s.run.RunID, "attempt": s.run.Attempt, "url": s.run.URL, "owner": c.Owner, "epoch": c.Epoch}
	return e.note(ctx, tx, &inc, reason, evidence)
}

// latePrimarySkipped is what becomes of a run whose work our claim has kept it from.
const latePrimarySkipped = "skipped"

// toldToSkip says whether an attempt was told to skip its work, so that its
// success is none.
func (e *Engine) toldToSkip(ctx context.Context, r store.WorkflowRun) (bool, error) {
	_, told, err := store.ReadRefusal(ctx, e.Store.Read(), r.RepoID, r.RunID, r.Attempt)
	return told, err
}

// passOver accounts for an attempt that succeeded by skipping its work.
func (e *Engine) passOver(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.RunAttempt, sc.inc.Following = known.Attempt, 0
		reason := fmt.Sprintf("attempt %d, started by %s, was told to skip its work; that it succeeded proves nothing", known.Attempt, who(known.Actor))
		return e.note(ctx, tx, sc.inc, reason, map[string]any{"run": known.RunID, "attempt": known.Attempt, "url": known.URL})
	})
}

package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// holder reads the run that holds an incident's claim, if one does, so that
// acquire judges it by a fresh answer.
func (e *Engine) holder(ctx context.Context, sc *scope) error {
	c, known, err := e.Store.Claim(ctx, sc.inc.OccurrenceKey)
	if err != nil || !known || c.State != store.ClaimHeld && c.State != store.ClaimInDoubt {
		return err
	}
	id, _, isRun := ownerRun(c.Owner)
	if !isRun {
		return nil
	}
	if _, err := e.reread(ctx, sc.client, sc.repo, id); !githubapi.IsNotFound(err) {
		return err
	}
	return nil // what is on record of a run that is gone counts
}

// acquire takes the claim of an incident for its next step. A primary that
// holds it is waited for as long as it runs and its lease lasts; after that the
// claim is in doubt. Once it has provably ended without success, the claim is
// taken over with a new epoch, and the old one is refused from then on.
func (e *Engine) acquire(ctx context.Context, tx *store.Tx, inc *store.Incident, now, lease store.Millis) (store.Claim, bool, error) {
	// A person may have paused since the gates were asked.
	if paused, err := e.pausedNow(ctx, tx, inc); err != nil || paused {
		return store.Claim{}, false, orWait(err, e.Clock.Now())
	}
	c, known, err := store.ReadClaim(ctx, tx, inc.OccurrenceKey)
	if err != nil {
		return c, false, err
	}
	id, attempt, isRun := ownerRun(c.Owner)
	if !known || !isRun || c.State != store.ClaimHeld && c.State != store.ClaimInDoubt {
		return tx.Acquire(ctx, inc.OccurrenceKey, incidentOwner(inc.ID), now, lease)
	}
	r, seen, err := store.LatestAttempt(ctx, tx, inc.RepoID, id)
	underWay := !seen || r.Attempt == attempt && !r.Completed()
	switch {
	case err != nil:
		return c, false, err
	case underWay && e.lapsed(c):
		// It may have acted and died, or still act: the claim is in doubt from now on.
		return tx.Acquire(ctx, inc.OccurrenceKey, incidentOwner(inc.ID), now, lease)
	case underWay: // its end comes as a webhook
		until := minTime(e.poll(c.UpdatedAt), c.LeaseUntil.Time().Add(time.Second))
		return c, false, waitError{until: until, why: "waiting for the claim: " + refusalOf(c)}
	case r.Attempt == attempt && r.Conclusion == "success":
		c.State = store.ClaimDone
		return c, false, tx.SettleRun(ctx, id, now)
	}
	taken, err := tx.TakeOver(ctx, c, incidentOwner(inc.ID), now, lease)
	if err != nil {
		return c, false, err
	}
	ended := "a later attempt has begun"
	if r.Attempt == attempt {
		ended = "it concluded " + r.Conclusion
	}
	reason := fmt.Sprintf("attempt %d of run %d held the claim and has ended (%s); taken over with epoch %d", attempt, id, ended, taken.Epoch)
	return taken, true, e.note(ctx, tx, inc, reason, map[string]any{"owner": c.Owner, "was_epoch": c.Epoch, "epoch": taken.Epoch, "url": r.URL})
}

func orWait(err error, until time.Time) error {
	if err != nil {
		return err
	}
	return waitError{until: until}
}

// primaryDone makes the tombstone of work that a run has done itself.
func (e *Engine) primaryDone(ctx context.Context, tx *store.Tx, r store.WorkflowRun) error {
	return tx.SettleRun(ctx, r.RunID, e.now())
}

package fallback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/store"
)

// upstreamAgain is how soon after its end the same trouble coming back is the
// same incident.
const upstreamAgain = 30 * time.Minute

// openUpstream makes one incident out of many when a breaker opens. It belongs
// to no repository and has no steps: those of the incidents that are part of
// it wait.
func (e *Engine) openUpstream(ctx context.Context, tx *store.Tx, d *upstream.Dependency, was storm.Breaker, why string, evidence map[string]any) error {
	inc, known, err := store.ReadIncident(ctx, tx, d.UpstreamID)
	if err != nil {
		return err
	}
	now := e.now()
	until := fmt.Sprintf("%s is not working: %s; looked at again at %s", upstream.Name(d.Name), why, d.Stored.Until.Format(timeFormat))
	switch {
	case known && !State(inc.State).Settled():
		if was.State == storm.HalfOpen {
			until = fmt.Sprintf("%s is still not working; looked at again at %s", upstream.Name(d.Name), d.Stored.Until.Format(timeFormat))
		}
		inc.Reason, inc.NotBefore = until, store.MillisOf(d.Stored.Until)
		err = e.note(ctx, tx, &inc, until, evidence)
	case known && now.Time().Sub(inc.SettledAt.Time()) < e.scaled(upstreamAgain):
		inc.NotBefore = store.MillisOf(d.Stored.Until)
		err = e.move(ctx, tx, &inc, Failing, until, evidence)
	default:
		sum := sha256.Sum256(fmt.Appendf(nil, "upstream|%s|%d", d.Name, now))
		inc = store.Incident{
			OccurrenceKey: hex.EncodeToString(sum[:]), WorkflowPath: d.Name, Signal: string(Upstream), State: string(Healthy),
			Ladder: "{}", BeganAt: now, RunCreatedAt: now, OpenedAt: now, UpdatedAt: now, NotBefore: store.MillisOf(d.Stored.Until),
		}
		if _, err = tx.OpenIncident(ctx, &inc); err != nil {
			return err
		}
		d.UpstreamID = inc.ID
		err = e.move(ctx, tx, &inc, Failing, until, evidence)
	}
	if err != nil || d.Name != upstream.Actions {
		return err
	}
	return e.gather(ctx, tx, &inc)
}

// gather takes the incidents of silent targets into an upstream incident, and
// wakes them: those that would load GitHub further are held. Of those that were
// given up, it takes the ones that could not begin: what was given up before,
// or for another reason, is no part of the trouble.
func (e *Engine) gather(ctx context.Context, tx *store.Tx, up *store.Incident) error {
	list, err := store.Troubled(ctx, tx, stateNames([]State{Suspected, Failing, Recovering, Verifying, Exhausted, Suppressed}), e.upstream.Lately())
	if err != nil {
		return err
	}
	for i := range list {
		part := Signal(list[i].Signal) != Upstream
		if part && State(list[i].State) == Exhausted {
			steps, err := store.StepsOf(ctx, tx, list[i].ID)
			if err != nil {
				return err
			}
			if part, err = couldNotBegin(&list[i], steps, e.troubleSince(up)); err != nil {
				return err
			}
		}
		if !part {
			continue
		}
		if err := tx.Join(ctx, up.ID, list[i].ID); err != nil {
			return err
		}
		if err := e.wake(ctx, tx, list[i].ID); err != nil {
			return err
		}
	}
	return e.upstream.Prune(ctx, tx)
}

// sheltered holds a suspicion while its cause is known to be upstream, unless
// a host can do its work.
func (e *Engine) sheltered(ctx context.Context, sc *scope) (stop bool, err error) {
	if sc.inc.Forced || len(sc.flow.Recover) == 0 {
		return false, nil
	}
	s, err := sc.rung(min(sc.inc.StepIndex, len(sc.flow.Recover)-1))
	if err != nil || !onGitHub(s.kind()) {
		return false, err
	}
	h, err := upstreamGate(ctx, e, sc, s)
	if err != nil || h == nil || h.skip {
		return false, err
	}
	return true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := h.write(ctx, tx); err != nil {
			return err
		}
		sc.inc.HeldBy, sc.inc.NotBefore = gateUpstream, 0
		return e.move(ctx, tx, sc.inc, Suppressed, h.reason, h.evidence)
	})
}

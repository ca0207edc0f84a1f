package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// window is how long the run of a lost answer is looked for. A run that shows
// up later has a twin by then, so work that must not be done twice waits
// longer. It is a bet on GitHub's lists and no proof: they promise nothing.
func window(effect config.Effect) time.Duration {
	if effect == config.Idempotent || effect == config.Guarded {
		return settleDispatch
	}
	return settleOnce
}

// settling waits for the time within which an effect has to show up, and says
// otherwise after it. The caller has just found nothing; that counts only when
// an earlier look, half the window ago or more, has found nothing either: a
// process that was down meanwhile does not decide on one list. A run that is
// created in the window can be listed a moment later, so the last look is one
// poll beyond it.
func (e *Engine) settling(ctx context.Context, sc *scope, st *store.Step, otherwise result) (result, error) {
	if st.LookedAt == 0 {
		st.LookedAt = e.now()
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SwapStep(ctx, st, st.State) })
		if err != nil {
			return result{}, err
		}
	}
	span := e.scaled(window(sc.flow.Effect))
	end := st.IntentAt.Time().Add(span + e.scaled(pollSettle))
	if second := st.LookedAt.Time().Add(span / 2); second.After(end) {
		end = second
	}
	now := e.Clock.Now()
	if now.Before(end) {
		// Its webhook is what usually ends the wait, so the looks thin out.
		pause := max(now.Sub(st.IntentAt.Time())/8, e.scaled(pollSettle))
		return result{verdict: pending, until: minTime(now.Add(pause), end)}, nil
	}
	return otherwise, nil
}

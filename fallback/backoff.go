package fallback

import (
	"math/rand/v2"
	"time"

	"github.com/redundancy-app/redundancy/fallback/failure"
	"github.com/redundancy-app/redundancy/store"
)

// randomly draws a pause evenly from nothing up to and with limit.
func randomly(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(rand.Int64N(int64(limit) + 1)) //nolint:gosec // nobody gains by guessing it
}

// backOff puts the next try of the same step off, after failures of it. The
// moment is drawn once and kept with the incident, so that neither a restart
// nor a webhook draws again.
func (e *Engine) backOff(inc *store.Incident, failures int) {
	pause := min(max(e.Jitter(failure.Backoff(failures-1)), 0), failure.BackoffCap)
	inc.NotBefore = 0
	if pause > 0 {
		inc.NotBefore = store.MillisOf(e.Clock.Now().Add(e.scaled(pause)))
	}
}

// backedOff gives the moment before which the next try must not begin; the zero
// time when it may. One further off than any pause was drawn by a clock that ran
// ahead, and is none.
func (e *Engine) backedOff(inc *store.Incident) time.Time {
	if State(inc.State) != Recovering || inc.NotBefore <= e.now() || inc.NotBefore > store.MillisOf(e.Clock.Now().Add(e.scaled(failure.BackoffCap))) {
		return time.Time{}
	}
	return inc.NotBefore.Time()
}

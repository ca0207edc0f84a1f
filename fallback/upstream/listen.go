package upstream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// SilentAfter is how long without a delivery is suspicious, when GitHub has
	// runs to tell of. Webhooks came 24 minutes late on average in the trouble
	// of 2024-07-05, 71 at most (github.blog, availability report).
	SilentAfter = 15 * time.Minute
	// tellWithin is how long a run has to be known for its delivery to be missed.
	tellWithin = 5 * time.Minute
	// silentRuns is how many untold runs are no coincidence.
	silentRuns = 3
	// listenEvery is the pause between two comparisons.
	listenEvery = time.Minute
)

// silence is when deliveries were last compared with what is known from asking.
type silence struct {
	mu sync.Mutex
	at time.Time
	up time.Time // this process is
}

// Listen compares what GitHub tells with what it shows: runs that are known
// from asking, without any delivery for long, mean that webhooks do not come.
// Nothing is held for that, since recoveries do not need them.
func (h *Health) Listen(ctx context.Context, tx *store.Tx) error {
	now := h.Clock.Now()
	h.silence.mu.Lock()
	due := now.Sub(h.silence.at) >= h.scaled(listenEvery) && now.Sub(h.silence.up) >= h.scaled(SilentAfter)
	if due {
		h.silence.at = now
	}
	h.silence.mu.Unlock()
	if !due {
		return nil
	}
	last, runs, err := store.Unheard(ctx, tx, store.MillisOf(now.Add(-h.scaled(tellWithin))))
	if err != nil || last == 0 { // a server without webhooks misses none
		return err
	}
	silent := runs >= silentRuns && now.Sub(last.Time()) >= h.scaled(SilentAfter)
	d, err := Read(ctx, tx, Webhooks)
	if err != nil {
		return err
	}
	r := h.rules(Webhooks)
	is := r.Record(d.Stored, storm.Outcome{At: now, OK: !silent}, now)
	if is.State != storm.Closed && now.Sub(last.Time()) < h.scaled(SilentAfter) {
		is = r.Heal(is, now) // a delivery that is newer than the silence ends it
	}
	told := fmt.Sprintf("%d runs", runs)
	if runs == 1 {
		told = "1 run"
	}
	why := fmt.Sprintf("no delivery since %s, and %s that it should have told of", last.Time().Format("2006-01-02 15:04:05 UTC"), told)
	return h.Turn(ctx, tx, d, is, why, map[string]any{"last": last.Time(), "runs": runs})
}

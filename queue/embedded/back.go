package embedded

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// ahead is how far in the future a moment that is past by its nature may stand;
// clocks are set by less all the time.
const ahead = store.Millis(time.Minute / time.Millisecond)

// now is the time, of which the latest is remembered. What is written with it in
// a transaction is seen by setBack in the next one.
func (q *Queue) now() store.Millis {
	now := store.MillisOf(q.cfg.Clock.Now())
	for {
		was := q.latest.Load()
		if int64(now) <= was || q.latest.CompareAndSwap(was, int64(now)) {
			return now
		}
	}
}

// setBack says whether the clock was set back since a time that we have used.
func (q *Queue) setBack(now store.Millis) bool { return now < store.Millis(q.latest.Load())-ahead }

// ranAhead says whether one of the jobs was timed before the clock was set back,
// although it ends after that.
func ranAhead(now store.Millis, ended []store.Job) bool {
	for _, j := range ended {
		if j.SetAt > now+ahead {
			return true
		}
	}
	return false
}

// drawBack has the jobs run in time that a clock which ran ahead has put off.
// When is stored beside each, as an honest moment can be as far away.
func (q *Queue) drawBack(ctx context.Context, tx *store.Tx, now store.Millis) error {
	n, err := tx.SetJobsBack(ctx, now, now+ahead)
	if n > 0 {
		q.cfg.Log.Warn().Int64("jobs", n).Msg("the clock ran ahead; jobs are put forward by as much")
	}
	return err
}

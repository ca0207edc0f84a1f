package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// The bound of what begins by itself, per workflow. It holds where no other
// guard sees a loop: a recovery that leads, over a login that is not ours, to
// the next failure of what it recovers.
const (
	maxBegun    = 6
	begunWithin = time.Hour
)

// crowded gives the moment at which an incident may begin, 0 when it is now.
// Incidents that a person asked for are neither bounded nor counted, nor are
// those of runs that a clock has started: no recovery leads to these.
func (e *Engine) crowded(ctx context.Context, db bun.IDB, inc *store.Incident) (store.Millis, error) {
	if inc.Event == schedule.Event {
		return 0, nil
	}
	hour := e.scaled(begunWithin)
	since := store.MillisOf(e.Clock.Now().Add(-hour)) + 1
	begun, err := store.Begun(ctx, db, inc, schedule.Event, since, maxBegun)
	if err != nil || len(begun) < maxBegun {
		return 0, err
	}
	return store.MillisOf(begun[maxBegun-1].Time().Add(hour)), nil
}

// crowdOut suppresses an incident that would be one too many. It asks within the
// transaction that begins the recovery, so that incidents which come at the
// same moment count each other.
func (e *Engine) crowdOut(ctx context.Context, tx *store.Tx, inc *store.Incident) (bool, error) {
	if State(inc.State) != Failing || inc.Forced {
		return false, nil
	}
	until, err := e.crowded(ctx, tx, inc)
	if err != nil || until == 0 {
		return false, err
	}
	inc.NotBefore = until
	reason := fmt.Sprintf("%d recoveries of this workflow began within an hour without a person asking; held back until %s", maxBegun, until.Time().Format(timeFormat))
	return true, e.move(ctx, tx, inc, Suppressed, reason, map[string]any{"begun": maxBegun, "until": until.Time()})
}

package clock

import (
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// maxChecked bounds the ticks of a watch that are made up for after nobody has
// looked for long, the newest ones. As many before them are recorded as
// unwatched; what is older leaves no trace.
const maxChecked = 50

// standing is how a watch stands when its ticks are settled.
type standing struct {
	answered map[schedule.Tick]bool // have a run
	newest   time.Time              // the newest moment among them
	young    cronsSince
	since    time.Time // when the watch began
	off      bool      // nothing of the workflow or its repository runs
	catchup  config.Catchup
}

// fate is what becomes of a tick that should have been answered by now.
type fate struct {
	schedule.Tick
	outcome store.TickOutcome // unwatched, dropped or suspected
}

// fates decides about ticks, oldest first: those with a run, or from before
// their cron, need nothing; those that a newer one has taken the place of are
// written off; the others are suspected. Of several that are found at once, the
// newest stands for all where only the latest is made up for; of those of
// several crons at one moment, the last by name.
func (s standing) fates(ticks []schedule.Tick) []fate {
	var list []fate
	var latest schedule.Tick // without a run
	for i, t := range ticks {
		switch {
		case s.answered[t], s.young.before(t):
		case s.off || i < len(ticks)-maxChecked || t.At.Before(s.since):
			list = append(list, fate{t, store.TickUnwatched})
		case t.At.Before(s.newest) && s.catchup != config.CatchupAll:
			list = append(list, fate{t, store.TickDropped})
		default:
			list = append(list, fate{t, store.TickSuspected})
			latest = t
		}
	}
	for i := range list {
		if f := &list[i]; f.outcome == store.TickSuspected && f.Compare(latest) < 0 && s.catchup == config.CatchupLatest {
			f.outcome = store.TickDropped
		}
	}
	return list
}

// CatchupOf is which missed ticks of a workflow are made up for.
func CatchupOf(flow config.Workflow) config.Catchup {
	if flow.Schedule.Catchup == "" {
		return config.CatchupLatest
	}
	return flow.Schedule.Catchup
}

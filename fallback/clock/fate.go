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
	newest   map[string]time.Time   // the newest moment among them, by cron
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
// written off; the others are suspected. Of several of one cron that are found
// at once, the newest stands for all where only the latest is made up for; of
// those of several crons at one moment, the last by name. Crons of one file are
// different work: the run can ask which of them has started it.
func (s standing) fates(ticks []schedule.Tick) []fate {
	var list []fate
	latest := map[string]time.Time{}      // without a run, by cron
	last := map[time.Time]schedule.Tick{} // of a moment, of those
	for i, t := range ticks {
		switch {
		case s.answered[t], s.young.before(t):
		case s.off || i < len(ticks)-maxChecked || t.At.Before(s.since):
			list = append(list, fate{t, store.TickUnwatched})
		case t.At.Before(s.newest[t.Cron]) && s.catchup != config.CatchupAll:
			list = append(list, fate{t, store.TickDropped})
		default:
			list = append(list, fate{t, store.TickSuspected})
			latest[t.Cron] = t.At
		}
	}
	if s.catchup != config.CatchupLatest {
		return list
	}
	for i := range list {
		switch f := &list[i]; {
		case f.outcome != store.TickSuspected:
		case f.At.Before(latest[f.Cron]):
			f.outcome = store.TickDropped
		default:
			last[f.At] = f.Tick // by name, as they come
		}
	}
	for i := range list {
		if f := &list[i]; f.outcome == store.TickSuspected && f.Tick != last[f.At] {
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

package health

import (
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Trend compares the last seven days with the seven before. A week's score is
// in the points of the score itself, by the same weights, and leaves the open
// incidents out: what state an incident was in a week ago is not what it costs
// today. So the score can be below both weeks, by the weight of an incident.
type Trend struct {
	ThisWeek   float64 `json:"this_week"`
	WeekBefore float64 `json:"week_before"`
	Change     float64 `json:"change"` // positive: better
}

// trend is nil when either week has too few runs to tell.
func trend(f *Facts, now time.Time) *Trend {
	this, ok1 := week(f, now)
	before, ok2 := week(f, now.Add(-7*day))
	if !ok1 || !ok2 {
		return nil
	}
	return newTrend(this, before)
}

func newTrend(this, before float64) *Trend {
	t := Trend{ThisWeek: *tenth(this), WeekBefore: *tenth(before)}
	t.Change = *tenth(t.ThisWeek - t.WeekBefore)
	return &t
}

func week(f *Facts, end time.Time) (float64, bool) {
	w := TheFormula
	from, to := store.MillisOf(end.Add(-7*day)), store.MillisOf(end)
	runs, failed := f.conclusive(0, from, to)
	if len(runs) < w.MinWeek {
		return 0, false
	}
	lost := w.Runs * share(len(failed), len(runs))
	if ticks := f.answers(0, from, to); f.Scheduled && len(ticks) >= w.MinWeek {
		lost += w.Punctuality * costs(ticks) / float64(len(ticks))
	}
	var repairs []time.Duration
	for _, inc := range f.Incidents {
		if repaired(inc) && inc.SettledAt >= from && inc.SettledAt < to {
			repairs = append(repairs, lasted(inc))
		}
	}
	if m := mean(repairs); m != nil {
		lost += w.Repair * min(1, *m/w.RepairFull)
	}
	return 100 - lost, true
}

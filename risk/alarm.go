package risk

import "time"

// Alarms of a predictor: what somebody who looks at it gains.
type Alarms struct {
	Alarms int `json:"alarms"`
	// Detected bad periods had an alarm that was new: raised while they lasted, or
	// within the day before and still standing when they began.
	Detected int `json:"detected"`
	// DetectedChance is the mean share of bad periods, from 0 to 1, that the same
	// predictor detects in histories with the outcomes of each workflow shuffled;
	// nil when they have none.
	DetectedChance *float64 `json:"detected_share_chance"`
	// Lead is the median time, in seconds, from that alarm to the third failure in
	// a row, by which everybody knows; negative when the alarm came later. nil
	// when none was detected. LeadChance is the mean of it in the shuffled
	// histories.
	Lead       *float64 `json:"lead_seconds"`
	LeadChance *float64 `json:"lead_seconds_chance"`
	// FalsePerWeek are alarms a week that were about no bad period; nil when the
	// history is shorter than a day.
	FalsePerWeek *float64 `json:"false_alarms_per_week"`
}

const (
	// streak of failures that makes a bad period.
	streak = 3
	// early is how long before the first failure of a bad period an alarm
	// may be raised and still be about it.
	early = 24 * time.Hour
)

type span struct{ from, established, to time.Time }

// alarmWatch follows all predictors through a replay.
type alarmWatch struct {
	raise, clear float64
	since        time.Time // alarms and periods before are no part of the test
	flows        map[string]*flowWatch
}

type outcome struct {
	at     time.Time // when it became known
	failed bool
}

type flowWatch struct {
	outcomes []outcome // in the order in which they became known
	raised   [predictors]bool
	spans    [predictors][]span
}

// newAlarmWatch: an alarm is raised half-way from the base rate to certainty
// and cleared half-way back, so that a risk at the threshold does not flutter.
func newAlarmWatch(rate float64, since time.Time) *alarmWatch {
	raise := (1 + rate) / 2
	return &alarmWatch{raise: raise, clear: (raise + rate) / 2, since: since, flows: map[string]*flowWatch{}}
}

// learned is told of each outcome after the predictors have learned it.
func (w *alarmWatch) learned(workflow string, o outcome, p *[predictors]predictor) {
	if o.at.Before(w.since) {
		return
	}
	f := w.flows[workflow]
	if f == nil {
		f = &flowWatch{}
		w.flows[workflow] = f
	}
	f.outcomes = append(f.outcomes, o)
	for k, one := range p {
		level := one.predict()
		if last, ok := one.(*lastOutcome); ok {
			level = float64(last.last) // who goes by the last outcome is alarmed by each failure
		}
		switch {
		case !f.raised[k] && level >= w.raise:
			f.raised[k] = true
			f.spans[k] = append(f.spans[k], span{from: o.at})
		case f.raised[k] && level < w.clear:
			f.raised[k] = false
			f.spans[k][len(f.spans[k])-1].to = o.at
		}
	}
}

// periods finds the bad ones of each workflow.
func (w *alarmWatch) periods() map[string][]span {
	found := map[string][]span{}
	for name, f := range w.flows {
		for i := 0; i < len(f.outcomes); {
			j := i
			for j < len(f.outcomes) && f.outcomes[j].failed {
				j++
			}
			if j-i >= streak {
				found[name] = joined(found[name], span{f.outcomes[i].at, f.outcomes[i+streak-1].at, f.outcomes[j-1].at})
			}
			i = max(j, i+1)
		}
	}
	return found
}

// joined appends a streak, or makes the last period longer when it ended less
// than a day before: one lucky run does not end a bad week.
func joined(list []span, next span) []span {
	if n := len(list); n > 0 && next.from.Sub(list[n-1].to) < early {
		list[n-1].to = next.to
		return list
	}
	return append(list, next)
}

// alarms holds those of a predictor against the bad periods.
func (w *alarmWatch) alarms(k int, periods map[string][]span, end time.Time) Alarms {
	var a Alarms
	var leads []float64
	unfounded := 0
	for name, f := range w.flows {
		a.Alarms += len(f.spans[k])
		next, detected := 0, -1 // the period that an alarm can be about, and the last one that had one
		for _, alarm := range f.spans[k] {
			for next < len(periods[name]) && periods[name][next].to.Before(alarm.from) {
				next++
			}
			if next == len(periods[name]) || !alarm.foresees(periods[name][next]) {
				unfounded++
				continue
			}
			if detected == next { // by an earlier one
				continue
			}
			detected = next
			leads = append(leads, periods[name][next].established.Sub(alarm.from).Seconds())
		}
	}
	a.Detected = len(leads)
	if len(leads) > 0 {
		median := quantile(leads, 0.5)
		a.Lead = &median
	}
	if span := end.Sub(w.since); span >= 24*time.Hour {
		perWeek := float64(unfounded) / (span.Hours() / (7 * 24))
		a.FalsePerWeek = &perWeek
	}
	return a
}

// foresees: the alarm was raised while the period lasted, or within a day before
// and stood when it began. One that has stood for longer says nothing new about
// the period, and one that was cleared before said that all was well.
func (s span) foresees(p span) bool {
	return !s.from.After(p.to) && !s.from.Before(p.from.Add(-early)) && (s.to.IsZero() || !s.to.Before(p.from))
}

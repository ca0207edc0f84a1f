package risk

import (
	"slices"
	"time"
)

// Alarms of a predictor: what somebody who looks at it gains.
type Alarms struct {
	Alarms int `json:"alarms"`
	// Detected bad periods had an alarm.
	Detected int `json:"detected"`
	// Lead is the median time, in seconds, from the alarm to the third failure in
	// a row, by which everybody knows; negative when the alarm came later. nil
	// when none was detected, or none by an alarm younger than a day.
	Lead *float64 `json:"lead_seconds"`
	// FalsePerWeek are alarms a week that belong to no bad period; nil when the
	// history is shorter than a day.
	FalsePerWeek *float64 `json:"false_alarms_per_week"`
}

const (
	// streak of failures that makes a bad period.
	streak = 3
	// early is how long before the first failure of a bad period an alarm
	// may come and still belong to it.
	early = 24 * time.Hour
)

type span struct{ from, established, to time.Time }

// alarmWatch follows all predictors through a replay.
type alarmWatch struct {
	raise, clear float64
	since        time.Time // alarms and periods before are no part of the test
	flows        map[string]*flowWatch
}

type flowWatch struct {
	outcomes []Run // in the order in which they became known
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
func (w *alarmWatch) learned(r Run, p *[predictors]predictor) {
	if r.End.Before(w.since) {
		return
	}
	f := w.flows[r.Workflow]
	if f == nil {
		f = &flowWatch{}
		w.flows[r.Workflow] = f
	}
	f.outcomes = append(f.outcomes, r)
	for k, one := range p {
		level := one.predict()
		if last, ok := one.(*lastOutcome); ok {
			level = float64(last.last) // who goes by the last outcome is alarmed by each failure
		}
		switch {
		case !f.raised[k] && level >= w.raise:
			f.raised[k] = true
			f.spans[k] = append(f.spans[k], span{from: r.End})
		case f.raised[k] && level < w.clear:
			f.raised[k] = false
			f.spans[k][len(f.spans[k])-1].to = r.End
		}
	}
}

// periods finds the bad ones of each workflow.
func (w *alarmWatch) periods() map[string][]span {
	found := map[string][]span{}
	for name, f := range w.flows {
		for i := 0; i < len(f.outcomes); {
			j := i
			for j < len(f.outcomes) && f.outcomes[j].Failed {
				j++
			}
			if j-i >= streak {
				found[name] = joined(found[name], span{f.outcomes[i].End, f.outcomes[i+streak-1].End, f.outcomes[j-1].End})
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
		for _, alarm := range f.spans[k] {
			if !slices.ContainsFunc(periods[name], alarm.belongsTo) {
				unfounded++
			}
		}
		for _, p := range periods[name] {
			i := slices.IndexFunc(f.spans[k], func(s span) bool { return s.belongsTo(p) })
			if i < 0 {
				continue
			}
			a.Detected++
			// One that stood for longer than a day before foresaw nothing.
			if from := f.spans[k][i].from; !from.Before(p.from.Add(-early)) {
				leads = append(leads, p.established.Sub(from).Seconds())
			}
		}
	}
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

// belongsTo: the alarm stood at some time from a day before the period until
// its end.
func (s span) belongsTo(p span) bool {
	return !s.from.After(p.to) && (s.to.IsZero() || !s.to.Before(p.from.Add(-early)))
}

package health

import (
	"cmp"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Figures are what people compare: over the last 28 days, or since the workflow
// is watched when that is shorter. Trouble counts from when it began, not from
// when it was noticed: the tick that got no run, the creation of the run that
// failed.
type Figures struct {
	// Availability is the share, from 0 to 1, of the time without confirmed
	// trouble; nil when the workflow has just been enrolled.
	Availability *float64 `json:"availability"`
	DownSeconds  float64  `json:"down_seconds"`
	Incidents    int      `json:"incidents"` // confirmed ones
	Open         int      `json:"open"`      // of these, not over
	// MTTD is the mean time from the beginning of confirmed trouble until it
	// was confirmed, in seconds; nil without any.
	MTTD *float64 `json:"mttd_seconds"`
	// MTTR is the mean time from the beginning of confirmed trouble until it was
	// over, in seconds; nil without any that is over.
	MTTR *float64 `json:"mttr_seconds"`
}

// began is when the trouble began.
func began(inc store.IncidentSpan) store.Millis {
	// A clock of GitHub's ahead of ours must not make trouble end before it began.
	return min(cmp.Or(inc.BeganAt, inc.OpenedAt), inc.OpenedAt)
}

// repaired is true of confirmed trouble that is over.
func repaired(inc store.IncidentSpan) bool { return inc.ConfirmedAt != 0 && inc.SettledAt != 0 }

// lasted is how long it took from the beginning to the end; 0 while it is open.
func lasted(inc store.IncidentSpan) time.Duration {
	if inc.SettledAt == 0 {
		return 0
	}
	return inc.SettledAt.Time().Sub(began(inc).Time())
}

func figures(f *Facts, now time.Time) Figures {
	from := store.MillisOf(now.Add(-TheFormula.window()))
	from = max(from, store.MillisOf(f.Since))
	to := store.MillisOf(now)
	var out Figures
	var spans [][2]store.Millis
	var detect, repair []time.Duration
	for _, inc := range f.Incidents {
		end := inc.SettledAt
		if end == 0 {
			end = to
		}
		if inc.ConfirmedAt == 0 || end < from {
			continue
		}
		out.Incidents++
		spans = append(spans, [2]store.Millis{max(began(inc), from), min(end, to)})
		detect = append(detect, max(0, inc.ConfirmedAt.Time().Sub(began(inc).Time())))
		if inc.SettledAt == 0 {
			out.Open++
		} else {
			repair = append(repair, lasted(inc))
		}
	}
	out.MTTD, out.MTTR = mean(detect), mean(repair)
	down := covered(spans)
	out.DownSeconds = down.Seconds()
	if span := to - from; span > 0 {
		a := 1 - float64(down.Milliseconds())/float64(span)
		out.Availability = &a
	}
	return out
}

// covered is the length of the union: two incidents at a time are one outage.
func covered(spans [][2]store.Millis) time.Duration {
	slices.SortFunc(spans, func(a, b [2]store.Millis) int { return cmp.Compare(a[0], b[0]) })
	var sum, end store.Millis
	for _, s := range spans {
		if s[1] > max(s[0], end) {
			sum += s[1] - max(s[0], end)
			end = s[1]
		}
	}
	return time.Duration(sum) * time.Millisecond
}

func mean(list []time.Duration) *float64 {
	if len(list) == 0 {
		return nil
	}
	var sum float64
	for _, d := range list {
		sum += d.Seconds()
	}
	sum /= float64(len(list))
	return &sum
}

package risk

import (
	"math"
	"slices"
	"time"
)

// DurationAnomaly is a run that took very unlike those before it.
type DurationAnomaly struct {
	RunID   int64   `json:"run"`
	URL     string  `json:"url"`
	Seconds float64 `json:"seconds"`
	Median  float64 `json:"median_seconds"`
	// Deviations is |x - median| / (1.4826 x MAD): standard deviations, were the
	// durations normal (Iglewicz and Hoaglin, 1993).
	Deviations float64 `json:"deviations"`
	Samples    int     `json:"samples"`
	// Cell is "hour of the week" when compared with the same hour of other
	// weeks only, else "all".
	Cell string `json:"cell"`
}

const (
	maxDeviations   = 6
	minDurations    = 20 // before anything is called unusual
	minCell         = 8  // of an hour of the week before it is compared with itself
	normalDeviation = 1.4826
	// minMAD, in seconds: durations have whole seconds, and a workflow that
	// always takes exactly 12 s is not broken when it takes 14 s.
	minMAD = 1
)

// durationAnomaly judges the newest success of a history, oldest first. nil
// when it is as usual or nothing usual is known.
func durationAnomaly(runs []Run) *DurationAnomaly {
	last := -1
	for i := range runs {
		if !runs[i].Failed && runs[i].duration() > 0 {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	x := runs[last]
	var all, cell []float64
	for _, r := range runs[:last] {
		if r.Failed || r.duration() <= 0 {
			continue
		}
		all = append(all, r.duration().Seconds())
		if hourOfWeek(r.Start) == hourOfWeek(x.Start) {
			cell = append(cell, r.duration().Seconds())
		}
	}
	a := DurationAnomaly{RunID: x.ID, URL: x.URL, Seconds: x.duration().Seconds(), Cell: "all"}
	if len(cell) >= minCell {
		all, a.Cell = cell, "hour of the week"
	} else if len(all) < minDurations {
		return nil
	}
	var spread float64
	a.Median, spread = medianMAD(all)
	a.Samples = len(all)
	a.Deviations = math.Abs(a.Seconds-a.Median) / (normalDeviation * max(spread, minMAD))
	if a.Deviations <= maxDeviations {
		return nil
	}
	return &a
}

func hourOfWeek(t time.Time) int {
	t = t.UTC()
	return int(t.Weekday())*24 + t.Hour()
}

// medianMAD is the median and the median absolute deviation from it.
func medianMAD(values []float64) (median, mad float64) {
	median = quantile(values, 0.5)
	away := make([]float64, len(values))
	for i, v := range values {
		away[i] = math.Abs(v - median)
	}
	return median, quantile(away, 0.5)
}

// quantile interpolates between the two nearest values (type 7 of Hyndman and
// Fan, The American Statistician 50, 1996); 0 of nothing.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	at := q * float64(len(s)-1)
	i := int(at)
	if i+1 == len(s) {
		return s[i]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

package risk

import "math"

// Regime is a lasting change of a series, found by the two-sided Page-Hinkley
// test: E. S. Page, "Continuous Inspection Schemes", Biometrika 41 (1954).
type Regime struct {
	// Direction is "up" or "down".
	Direction string `json:"direction"`
	// Before and After are the means on both sides of the change. Those of
	// durations are seconds.
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Since is the index of the first value after the change, from 0.
	Since int `json:"since_index"`
}

// pageHinkley finds the newest change in a series: a drift of the mean of more
// than tolerance whose cumulated excess passes threshold. After each change it
// begins anew, so that a series that got better is not called worse for ever.
// nil without any.
func pageHinkley(values []float64, tolerance, threshold float64) *Regime {
	var found *Regime
	from := 0 // of the current regime
	for {
		at, since, up := firstChange(values[from:], tolerance, threshold)
		if at < 0 {
			break
		}
		direction := "down"
		if up {
			direction = "up"
		}
		found = &Regime{Direction: direction, Before: average(values[from : from+since]), Since: from + since}
		from += max(since, 1)
	}
	if found != nil {
		found.After = average(values[found.Since:])
	}
	return found
}

// minRegime values are needed before a change can be seen: the mean of fewer
// is noise.
const minRegime = 10

// firstChange returns where a change was noticed, where it began, and its
// direction; at is -1 without one.
func firstChange(values []float64, tolerance, threshold float64) (at, since int, up bool) {
	var mean, rise, fall float64
	riseSince, fallSince := 0, 0
	for i, v := range values {
		// The value is held against the mean of those before it.
		if i > 0 {
			rise += v - mean - tolerance
			if rise <= 0 {
				rise, riseSince = 0, i+1
			}
			fall += mean - v - tolerance
			if fall <= 0 {
				fall, fallSince = 0, i+1
			}
		}
		mean += (v - mean) / float64(i+1)
		if i < minRegime {
			// What is cumulated against an unsettled mean is no evidence.
			rise, fall, riseSince, fallSince = 0, 0, i+1, i+1
			continue
		}
		if rise > threshold {
			return i, riseSince, true
		}
		if fall > threshold {
			return i, fallSince, false
		}
	}
	return -1, 0, false
}

// The settings: outcomes are 0 or 1, so a tolerance of 0.15 ignores drifts of
// the failure rate below 15 points, and a threshold of 2.5 needs about three
// failures in a row in a workflow that never fails. A log-duration of 0.15 more is 16 % slower.
const (
	outcomeTolerance, outcomeThreshold   = 0.15, 2.5
	durationTolerance, durationThreshold = 0.15, 2.0
)

// outcomeRegime of a history, oldest first.
func outcomeRegime(runs []Run) *Regime {
	values := make([]float64, len(runs))
	for i, r := range runs {
		if r.Failed {
			values[i] = 1
		}
	}
	return pageHinkley(values, outcomeTolerance, outcomeThreshold)
}

// durationRegime of the successes of a history, oldest first; Since counts
// successes.
func durationRegime(seconds []float64) *Regime {
	values := make([]float64, len(seconds))
	for i, s := range seconds {
		values[i] = math.Log(max(s, 1)) // GitHub's clock has whole seconds
	}
	r := pageHinkley(values, durationTolerance, durationThreshold)
	if r != nil { // back from logarithms: geometric means
		r.Before, r.After = math.Exp(r.Before), math.Exp(r.After)
	}
	return r
}

func average(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

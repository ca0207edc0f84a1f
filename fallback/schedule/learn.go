package schedule

import (
	"slices"
	"time"
)

// The graces of a workflow whose own delays are not known, and the bounds of
// learned ones. Anything up to 40 minutes is an ordinary delay of GitHub's; half
// a day occurs, but who waited that long by default would notice nothing.
const (
	DefaultSoft = 15 * time.Minute
	DefaultHard = 60 * time.Minute
	MaxGrace    = 24 * time.Hour
	// MinSamples below which nothing is learned. Of five, the greatest is left
	// out like of any number below a hundred; more would take a monthly schedule
	// a year, and fewer are hearsay.
	MinSamples = 5
)

// Grace is how late a run may be.
type Grace struct {
	Soft, Hard    time.Duration // suspected after, missed after; Soft ≤ Hard
	P50, P95, P99 time.Duration // of the delays; 0 without samples
	Samples       int
}

// Learn derives graces from delays between ticks and their runs, in any
// order: soft = max(15 min, p95), hard = max(60 min, 1.25 × p99), each a day
// at most. With fewer than [MinSamples] the defaults hold.
func Learn(delays []time.Duration) Grace {
	g := Grace{Soft: DefaultSoft, Hard: DefaultHard, Samples: len(delays)}
	if len(delays) == 0 {
		return g
	}
	sorted := slices.Sorted(slices.Values(delays))
	g.P50, g.P95, g.P99 = percentile(sorted, 50), percentile(sorted, 95), percentile(sorted, 99)
	if len(sorted) < MinSamples {
		return g
	}
	g.Soft = min(max(g.Soft, g.P95), MaxGrace)
	g.Hard = max(min(max(g.Hard, g.P99+g.P99/4), MaxGrace), g.Soft)
	return g
}

// percentile by the nearest rank below, so that the 99th of fewer than a
// hundred leaves out the greatest. Otherwise one run that was half a day late would make half a day
// usual for four weeks.
func percentile(sorted []time.Duration, p int) time.Duration {
	return max(sorted[max(p*len(sorted)/100, 1)-1], 0)
}

// Override puts what a configuration says in the place of what was learned; 0
// says nothing. A hard grace that is shorter than the soft one shortens it.
func (g Grace) Override(grace, deadline time.Duration) Grace {
	if grace > 0 {
		g.Soft = grace
		g.Hard = max(g.Hard, g.Soft)
	}
	if deadline > 0 {
		g.Hard = deadline
		g.Soft = min(g.Soft, g.Hard)
	}
	return g
}

package stall

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// The limits where neither the configuration nor the workflow's history says more.
const (
	// MinQueued is how long an attempt may wait for its first step. Queue times
	// that a project has measured on hosted runners in a bad month: median 9
	// minutes, 95th percentile 14 (apmantza/pi-lens#2184).
	MinQueued = 15 * time.Minute
	// MinRunning is how long one step may take.
	MinRunning = 30 * time.Minute
	// UnknownDuration stands for the usual duration of a workflow of which too
	// few good runs are known.
	UnknownDuration = 2 * time.Hour

	// MinBehind is how long an attempt may wait behind another run of its
	// concurrency group before people are told.
	MinBehind = 24 * time.Hour
	// MinUnseen is how long GitHub may not show the jobs of an attempt: the limit
	// of a job on a hosted runner (GitHub, "Usage limits").
	MinUnseen = 6 * time.Hour

	maxQueued  = 24 * time.Hour
	maxRunning = 24 * time.Hour
	minSamples = 5
)

// Limits say how long is too long for an attempt.
type Limits struct {
	Queued  time.Duration // from its start to its first step
	Running time.Duration // from one change of a step to the next
	// Duration of the whole attempt, reached as well before a change of a step
	// is missed. 0 asks for nothing.
	Duration time.Duration
	// Behind another run of its concurrency group: 3 × p95 of the queue, a day at
	// least.
	Behind time.Duration
	// Unseen: from when GitHub first did not show its jobs. It is at least 3 × the
	// usual duration, and no shorter than Running and than what is configured as Queued.
	Unseen time.Duration
}

// Soft is when a look is worth a request: a third of Queued.
func (l Limits) Soft() time.Duration { return l.Queued / 3 }

// Scaled divides all limits.
func (l Limits) Scaled(by float64) Limits {
	for _, d := range []*time.Duration{&l.Queued, &l.Running, &l.Duration, &l.Behind, &l.Unseen} {
		*d = time.Duration(float64(*d) / by)
	}
	return l
}

// History is what is known of a workflow's past attempts, in any order.
type History struct {
	Queued    []time.Duration // from the start of an attempt to its first step
	Durations []time.Duration // of attempts that succeeded
	Steps     []time.Duration // of single steps that succeeded
}

// Learn gives the limits of a workflow. What its configuration names holds as
// it stands there; the rest is learned where there are 5 samples or more, and
// is never shorter than the minimum nor longer than a day.
func Learn(c config.Stall, h History) Limits {
	l := Limits{Queued: MinQueued, Running: MinRunning, Duration: UnknownDuration, Behind: MinBehind}
	if len(h.Queued) >= minSamples {
		usual := 3 * percentile(h.Queued, 95)
		l.Queued, l.Behind = min(max(MinQueued, usual), maxQueued), max(MinBehind, usual)
	}
	if len(h.Steps) >= minSamples {
		l.Running = min(max(MinRunning, 2*percentile(h.Steps, 99)), maxRunning)
	}
	if len(h.Durations) >= minSamples {
		l.Duration = outlier(h.Durations)
	}
	l.Unseen = max(MinUnseen, 3*l.Duration)
	l.Queued = cmp.Or(c.Queued.Std(), l.Queued)
	if c.Running != 0 {
		l.Running, l.Duration = c.Running.Std(), 0
	}
	l.Behind, l.Unseen = max(l.Behind, l.Queued), max(l.Unseen, l.Running, c.Queued.Std())
	return l
}

// percentile by nearest rank.
func percentile(values []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// outlier is six scaled median absolute deviations above the median: what a
// normal duration exceeds about once in a billion, and a few bad runs among
// the samples do not move.
func outlier(values []time.Duration) time.Duration {
	median := percentile(values, 50)
	distances := make([]time.Duration, len(values))
	for i, v := range values {
		distances[i] = max(v-median, median-v)
	}
	// 1.4826·MAD estimates the standard deviation of a normal distribution.
	return median + time.Duration(math.Round(6*1.4826*float64(percentile(distances, 50))))
}

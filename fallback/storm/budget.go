package storm

import (
	"slices"
	"time"
)

// Bucket holds tokens: Size at most, one more after each Every.
type Bucket struct {
	Size  int
	Every time.Duration
}

// Next gives the moment from which a token is there: now, when one is. spent
// are the moments of former withdrawals in any order; those that are left out
// count as never made, so enough of them must be given for the bucket to have
// been full before (Size × Every without withdrawals, or Size² of them).
//
// It is the virtual scheduling form of the leaky bucket (ITU-T I.371): the
// bucket is full again at the moment tat.
func (b Bucket) Next(spent []time.Time, now time.Time) time.Time {
	spent = slices.SortedFunc(slices.Values(spent), time.Time.Compare)
	var tat time.Time
	for _, at := range spent {
		if tat.Before(at) {
			tat = at
		}
		tat = tat.Add(b.Every)
	}
	if free := tat.Add(-time.Duration(b.Size-1) * b.Every); free.After(now) {
		return free
	}
	return now
}

// Quota allows Max in each stretch of time of the length Within.
type Quota struct {
	Max    int
	Within time.Duration
}

// Next gives the moment from which one more is allowed: now, when it is.
func (q Quota) Next(spent []time.Time, now time.Time) time.Time {
	if q.Max <= 0 {
		return now.Add(q.Within)
	}
	within := slices.DeleteFunc(slices.Clone(spent), func(at time.Time) bool { return !at.Add(q.Within).After(now) })
	if len(within) < q.Max {
		return now
	}
	slices.SortFunc(within, time.Time.Compare)
	return within[len(within)-q.Max].Add(q.Within)
}

// Ceiling is the number that a share of what was observed allows, floor at least.
func Ceiling(observed int, share float64, floor int) int {
	return max(int(share*float64(observed)), floor)
}

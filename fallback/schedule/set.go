package schedule

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Tick is a moment at which GitHub should start a workflow.
type Tick struct {
	At   time.Time // in UTC, whole minutes
	Cron string    // "spec|timezone"
}

// Compare orders ticks by moment, those of one minute by their cron.
func (t Tick) Compare(u Tick) int {
	return cmp.Or(t.At.Compare(u.At), strings.Compare(t.Cron, u.Cron))
}

// IsZero is true of no tick.
func (t Tick) IsZero() bool { return t.At.IsZero() }

// Set is the schedule of one workflow: all crons of its file. The zero value
// has no ticks. It is immutable and safe for concurrent use.
type Set struct {
	lines  []line
	period time.Duration
}

// Empty is true of a workflow that no schedule starts.
func (s Set) Empty() bool { return s.period == 0 }

// Period is the mean distance of the schedule's moments; 0 when it has none,
// a century when there is only one within nine years.
func (s Set) Period() time.Duration { return s.period }

// Next is the first tick after a moment; ok is false when none comes. Of two
// crons in the same minute it is the first by name.
func (s Set) Next(after time.Time) (t Tick, ok bool) {
	for i := range s.lines {
		l := &s.lines[i]
		if at := l.next(after); !at.IsZero() && (t.IsZero() || (Tick{at, l.cron}).Compare(t) < 0) {
			t = Tick{at, l.cron}
		}
	}
	return t, !t.IsZero()
}

// Between gives the ticks after one moment and up to another, in order. Of
// more than limit the newest are given. It takes time in proportion to limit,
// not to the distance of the moments.
func (s Set) Between(after, through time.Time, limit int) []Tick {
	if limit <= 0 || s.Empty() || !through.After(after) {
		return nil
	}
	// Backwards in stretches that grow until they hold enough.
	for stretch := s.period * time.Duration(limit+1); ; stretch *= 2 {
		from := through.Add(-stretch)
		if stretch <= 0 || from.Before(after) { // overflow: everything
			from = after
		}
		all := s.all(from, through)
		if len(all) >= limit {
			return all[len(all)-limit:]
		}
		if from.Equal(after) {
			return all
		}
	}
}

// Last gives the newest ticks up to a moment, in order, at most limit and none
// before since.
func (s Set) Last(since, through time.Time, limit int) []Tick {
	return s.Between(since.Add(-time.Nanosecond), through, limit)
}

func (s Set) all(after, through time.Time) []Tick {
	var all []Tick
	for i := range s.lines {
		l := &s.lines[i]
		last := midnight(wallOf(through, l.zone)).AddDate(0, 0, 1)
		for day := midnight(wallOf(after, l.zone)).AddDate(0, 0, -1); !day.After(last); day = l.following(day) {
			if !l.on(day) {
				continue
			}
			l.collect(day, func(at time.Time) bool {
				if at.After(after) && !at.After(through) && (len(all) == 0 || all[len(all)-1] != Tick{at, l.cron}) {
					all = append(all, Tick{at, l.cron})
				}
				return !at.After(through)
			})
		}
	}
	slices.SortFunc(all, Tick.Compare)
	// A gap at midnight takes ticks of two days to one instant.
	return slices.CompactFunc(all, func(a, b Tick) bool { return a.Compare(b) == 0 })
}

// measured is the moment from which periods are measured: a fixed one, so that
// the same crons have the same period on every day. samples are the distances.
var measured = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

const samples = 24

func (s Set) measure() time.Duration {
	first, ok := s.Next(measured)
	if !ok {
		return 0
	}
	last, n := first.At, 0
	for ; n < samples; n++ {
		next, ok := s.Next(last)
		if !ok {
			break
		}
		last = next.At
	}
	if n == 0 {
		return 100 * 365 * 24 * time.Hour
	}
	return max(last.Sub(first.At)/time.Duration(n), time.Minute)
}

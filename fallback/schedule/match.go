package schedule

import (
	"slices"
	"time"
)

const (
	// Skew is how far before its tick a run may have been created.
	Skew = 2 * time.Minute
	// MaxLate is how late a run may be and still be the answer to a tick: four
	// times the longest delay on record (12 h 01 m, open-multi-agent#557).
	MaxLate = 48 * time.Hour
	// depth is how many moments of the schedule a run can answer: the latest
	// and the three before it. Further back it is likelier a second start of
	// the latest.
	depth = 4
)

// Candidates are the ticks that a run created at a moment can answer, newest
// first: those of the last four moments up to it, none older than [MaxLate].
func (s Set) Candidates(created time.Time) []Tick {
	through := created.Add(Skew)
	ticks := s.Last(created.Add(-MaxLate), through, depth*len(s.lines))
	slices.Reverse(ticks)
	moments := 0
	for i, t := range ticks {
		if i > 0 && t.At.Equal(ticks[i-1].At) {
			continue
		}
		if moments++; moments > depth {
			return ticks[:i]
		}
	}
	return ticks
}

// Match finds the tick that a run created at a moment answers: the latest that
// no other run has answered. ok is false when there is none. Whoever calls it
// must keep the answer: asked again with more runs known, it could be another.
//
// With that, earlier ticks without a run are settled (GitHub has merged or
// dropped them); but a run may still turn up for one, and is its answer then,
// because what was done in its place must be known to have been done twice.
func (s Set) Match(created time.Time, answered func(Tick) bool) (t Tick, ok bool) {
	for _, t := range s.Candidates(created) {
		if !answered(t) {
			return t, true
		}
	}
	return Tick{}, false
}

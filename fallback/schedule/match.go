package schedule

import (
	"slices"
	"time"
)

const (
	// Skew is for clocks that differ by seconds.
	Skew = 5 * time.Second
	// Early is how far before its tick a run may have been created. One that is
	// the answer of the tick before is not early.
	Early = 2 * time.Minute
	// MaxLate is how late a run may be and still be the answer to a tick: four
	// times the longest delay on record (12 h 01 m, open-multi-agent#557).
	MaxLate = 48 * time.Hour
	// maxCandidates bounds the ticks that a run can answer: those of MaxLate for
	// one cron of every five minutes, the most GitHub starts, and half as many
	// again.
	maxCandidates = 864
)

// Candidates are the ticks that a run created at a moment can answer, newest
// first, none older than [MaxLate].
func (s Set) Candidates(created time.Time) []Tick {
	ticks := s.Last(created.Add(-MaxLate), created.Add(Early), maxCandidates)
	slices.Reverse(ticks)
	return ticks
}

// Match finds the tick that a run created at a moment answers: one that comes
// within [Early], unless the tick before has no run and is not older than
// [DefaultHard]; else one of the latest moment that no other run has answered; where those have their runs,
// it is the late run of an older tick: the newest without a run that somebody
// waits for or that was made up for (wanted; nil: none is), or else the newest
// without a run. ok is false when there is none. Whoever calls it must keep the
// answer: asked again with more runs known, it could be another.
//
// With that, earlier ticks without a run are settled (GitHub has merged or
// dropped them); but a run may still turn up for one, and is its answer then,
// because what was done in its place must be known to have been done twice.
//
// In the hour that comes twice GitHub may start a schedule twice, or once. The
// second time is expected of nobody, and a run that comes then is accepted: it
// is no late one.
func (s Set) Match(created time.Time, answered, wanted func(Tick) bool) (t Tick, ok bool) {
	candidates := s.Candidates(created)
	soon := 0
	for soon < len(candidates) && candidates[soon].At.After(created.Add(Skew)) {
		soon++
	}
	early, candidates := candidates[:soon], candidates[soon:]
	if !slices.ContainsFunc(candidates, func(c Tick) bool {
		return c.At.Equal(candidates[0].At) && created.Sub(c.At) <= DefaultHard && !answered(c)
	}) {
		for _, c := range slices.Backward(early) {
			if !answered(c) {
				return c, true
			}
		}
	}
	again := s.again(created, candidates)
	for _, c := range candidates {
		switch {
		case again && !c.At.Equal(candidates[0].At):
			return Tick{}, false
		case answered(c):
		case c.At.Equal(candidates[0].At) || wanted == nil || wanted(c):
			return c, true
		case !ok:
			t, ok = c, true
		}
	}
	return t, ok
}

// again says whether the newest moment before a run is one at which the wall
// shows the time of a tick for the second time.
func (s Set) again(created time.Time, candidates []Tick) bool {
	for _, l := range s.lines {
		change, _ := created.In(l.zone).ZoneBounds()
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Second).Zone()
		_, now := change.Zone()
		back := time.Duration(before-now) * time.Second // what comes twice, if above 0
		for _, c := range candidates {
			second := c.At.Add(back)
			if c.Cron == l.cron && c.At.Before(change) && !second.Before(change) && !second.After(created.Add(Skew)) && second.After(candidates[0].At) {
				return true
			}
		}
	}
	return false
}

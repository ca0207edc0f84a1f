package schedule

import (
	"math/bits"
	"slices"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/redundancy-app/redundancy/config"
)

// horizon is how far a cron is looked for: "0 0 29 2 *" stays away for eight
// years around 2100. One that does not come within it never does.
const horizon = 9 * 366

// interval is the least number of minutes between two ticks of a cron.
const interval = 5

// line is a compiled cron of a file.
type line struct {
	cron string // "spec|timezone"
	spec *cron.SpecSchedule
	zone *time.Location
}

// Name is how a cron stands in a tick: "spec|timezone", with UTC for none.
func Name(c config.Cron) string {
	if c.Timezone == "" {
		return c.Spec + "|UTC"
	}
	return c.Spec + "|" + c.Timezone
}

// Compile takes all crons of a workflow file. What GitHub would not start (an
// expression or zone that is none, a date that never comes) is left out; the
// same cron twice is one.
func Compile(crons []config.Cron) Set {
	var s Set
	for _, c := range crons {
		parsed, zone, err := c.Schedule()
		spec, ok := parsed.(*cron.SpecSchedule)
		if err != nil || !ok || slices.ContainsFunc(s.lines, func(l line) bool { return l.cron == Name(c) }) {
			continue
		}
		s.lines = append(s.lines, line{cron: Name(c), spec: thin(spec), zone: zone})
	}
	s.period = s.measure()
	return s
}

// thin leaves out what GitHub never starts: "the shortest interval you can run
// scheduled workflows is once every 5 minutes" (docs.github.com, "schedule").
// Which minutes of a cron that asks for more it takes is not said; of any five
// the first of an hour on is chosen, because a run that comes at another one is
// its answer all the same. Where the hours meet, the last ones of an hour give way.
func thin(spec *cron.SpecSchedule) *cron.SpecSchedule {
	const star = uint64(1 << 63)
	minutes, hours := spec.Minute&^star, spec.Hour&^star
	first, last, kept := bits.TrailingZeros64(minutes), -interval, uint64(0)
	next := hours&(hours>>1) != 0 || hours&1 != 0 && hours&(1<<23) != 0 // an hour follows another
	for m := minutes; m != 0; m &= m - 1 {
		at := bits.TrailingZeros64(m)
		if at-last < interval || next && at != first && first+60-at < interval {
			continue
		}
		last, kept = at, kept|1<<uint(at)
	}
	thinned := *spec
	thinned.Minute = kept | spec.Minute&star
	return &thinned
}

// on says whether the cron comes on a day. Where day of month and day of week
// are both restricted, either is enough (POSIX crontab).
func (l *line) on(day time.Time) bool {
	if l.spec.Month&(1<<uint(day.Month())) == 0 {
		return false
	}
	dom, dow := l.spec.Dom&(1<<uint(day.Day())) != 0, l.spec.Dow&(1<<uint(day.Weekday())) != 0
	if star := uint64(1 << 63); l.spec.Dom&star != 0 || l.spec.Dow&star != 0 {
		return dom && dow
	}
	return dom || dow
}

// collect calls yield with the line's ticks of a day on the wall, in order,
// each instant once, until it says false.
func (l *line) collect(day time.Time, yield func(time.Time) bool) {
	var last time.Time
	for hours := l.spec.Hour &^ (1 << 63); hours != 0; hours &= hours - 1 {
		hour := time.Duration(bits.TrailingZeros64(hours)) * time.Hour
		for minutes := l.spec.Minute &^ (1 << 63); minutes != 0; minutes &= minutes - 1 {
			at := instantOf(day.Add(hour+time.Duration(bits.TrailingZeros64(minutes))*time.Minute), l.zone)
			if at.Equal(last) { // several times of a gap meet at its end
				continue
			}
			if last = at; !yield(at) {
				return
			}
		}
	}
}

// next is the first tick of the line after an instant; zero when none comes.
// The day before is looked at, too: its end may be skipped into this one.
func (l *line) next(after time.Time) (found time.Time) {
	day := midnight(wallOf(after, l.zone)).AddDate(0, 0, -1)
	for range horizon {
		if l.on(day) {
			l.collect(day, func(at time.Time) bool {
				if at.After(after) {
					found = at
				}
				return found.IsZero()
			})
			if !found.IsZero() {
				return found
			}
		}
		day = l.following(day)
	}
	return time.Time{}
}

// following is the next day, or the first of the next month that counts.
func (l *line) following(day time.Time) time.Time {
	day = day.AddDate(0, 0, 1)
	for range 12 {
		if l.spec.Month&(1<<uint(day.Month())) != 0 {
			break
		}
		day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return day
}

func midnight(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

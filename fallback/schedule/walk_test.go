package schedule_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

var zones = []string{
	"", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu",
	"Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "Africa/Cairo", "Pacific/Chatham", "America/Sao_Paulo", "Asia/Beirut",
}

// field draws a field of a cron, with what it admits: mostly a usual one.
func field(t *rapid.T, name string, low, high int, usual ...string) (string, map[int]bool) {
	spec := rapid.Custom(func(t *rapid.T) string {
		a := rapid.IntRange(low, high).Draw(t, "from")
		b := rapid.IntRange(a, high).Draw(t, "to")
		return rapid.SampledFrom([]string{fmt.Sprintf("%d-%d", a, b), fmt.Sprintf("%d,%d", b, a), fmt.Sprintf("*/%d", max(a, 1))}).Draw(t, "shape")
	})
	for _, u := range usual {
		spec = rapid.OneOf(rapid.Just(u), spec)
	}
	drawn := spec.Draw(t, name)
	admits := map[int]bool{}
	var a, b int
	for v := low; v <= high; v++ {
		switch n, _ := fmt.Sscanf(drawn, "%d-%d", &a, &b); {
		case n == 2:
			admits[v] = a <= v && v <= b
		case drawn == "*":
			admits[v] = true
		case drawn[0] == '*':
			_, _ = fmt.Sscanf(drawn, "*/%d", &a)
			admits[v] = (v-low)%a == 0
		default:
			_, _ = fmt.Sscanf(drawn, "%d,%d", &a, &b)
			admits[v] = v == a || v == b
		}
	}
	return drawn, admits
}

// walked is a cron that is found by walking minute by minute over a clock on
// the wall, as somebody would who has no calendar.
type walked struct {
	cron                     config.Cron
	zone                     *time.Location
	min, hour, dom, mon, dow map[int]bool
	everyDom, everyDow       bool
}

func drawCron(t *rapid.T) walked {
	var w walked
	var m, h, d, mo, wd string
	m, w.min = field(t, "minute", 0, 59, "*/15", "*/30")
	h, w.hour = field(t, "hour", 0, 23, "0-4", "1-2", "*")
	d, w.dom = field(t, "day", 1, 31, "*", "*", "*")
	mo, w.mon = field(t, "month", 1, 12, "*", "*", "*")
	wd, w.dow = field(t, "weekday", 0, 6, "*", "*", "*")
	w.thin()
	// "*/1" is every day, too.
	w.everyDom, w.everyDow = d == "*" || d == "*/1", wd == "*" || wd == "*/1"
	w.cron = config.Cron{Spec: fmt.Sprintf("%s %s %s %s %s", m, h, d, mo, wd), Timezone: rapid.SampledFrom(zones).Draw(t, "zone")}
	w.zone = time.UTC
	if w.cron.Timezone != "" {
		zone, err := time.LoadLocation(w.cron.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		w.zone = zone
	}
	return w
}

// thin takes away the minutes that follow another one by less than five, and
// those at the end of an hour that are followed so by the next hour's first.
func (w walked) thin() {
	follows, first, last := false, -1, -5
	for h := range 24 {
		follows = follows || w.hour[h] && w.hour[(h+1)%24]
	}
	for m := range 60 {
		switch {
		case !w.min[m]:
		case m < last+5, first >= 0 && follows && first+60 < m+5:
			w.min[m] = false
		default:
			if last = m; first < 0 {
				first = m
			}
		}
	}
}

func (w walked) comes(wall time.Time) bool {
	day := w.dom[wall.Day()] || w.dow[int(wall.Weekday())]
	if w.everyDom || w.everyDow {
		day = w.dom[wall.Day()] && w.dow[int(wall.Weekday())]
	}
	return w.min[wall.Minute()] && w.hour[wall.Hour()] && day && w.mon[int(wall.Month())]
}

// walk gives the ticks after a moment through another. The wall is taken to
// have shown nothing later than it ever did before: what it skips comes when it
// has skipped it, what it repeats does not come again.
func (w walked) walk(after, through time.Time) []schedule.Tick {
	shows := func(t time.Time) time.Time {
		l := t.In(w.zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	var ticks []schedule.Tick
	start := after.Add(-30 * time.Hour)
	shown := shows(start)
	for t := start.Add(time.Minute); !t.After(through); t = t.Add(time.Minute) {
		comes := false
		for now := shows(t); shown.Before(now); {
			shown = shown.Add(time.Minute)
			comes = comes || w.comes(shown)
		}
		if comes && t.After(after) {
			ticks = append(ticks, schedule.Tick{At: t, Cron: schedule.Name(w.cron)})
		}
	}
	return ticks
}

// TestAgainstAWalk finds nothing lost, doubled or out of order.
func TestAgainstAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var crons []config.Cron
		var want []schedule.Tick
		// Around the moments at which some zone changes its clocks.
		around := rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC),
			time.Date(2011, 12, 30, 0, 0, 0, 0, time.UTC), time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "around")
		after := around.Add(time.Duration(rapid.IntRange(-24*60, 6*60).Draw(t, "offset")) * time.Minute)
		through := after.Add(time.Duration(rapid.IntRange(0, 72*60).Draw(t, "length")) * time.Minute)
		for range rapid.IntRange(1, 3).Draw(t, "crons") {
			w := drawCron(t)
			if slices.Contains(crons, w.cron) {
				continue
			}
			crons = append(crons, w.cron)
			want = append(want, w.walk(after, through)...)
		}
		slices.SortFunc(want, schedule.Tick.Compare)
		set := schedule.Compile(crons)
		got := set.Between(after, through, 1<<20)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%v from %v through %v: %s", crons, after, through, diff)
		}
		for i := 1; i < len(got); i++ {
			if got[i-1].Compare(got[i]) >= 0 {
				t.Fatalf("%v does not come before %v", got[i-1], got[i])
			}
		}
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		if diff := cmp.Diff(want[max(len(want)-limit, 0):], set.Between(after, through, limit)); diff != "" && len(want) > 0 {
			t.Fatalf("the newest %d: %s", limit, diff)
		}
		if next, ok := set.Next(after); len(want) > 0 && (!ok || next != want[0]) {
			t.Fatalf("next is %v %v, want %v", next, ok, want[0])
		} else if len(want) == 0 && ok && !next.At.After(through) {
			t.Fatalf("next is %v, want none", next)
		}
	})
}

// FuzzCompile: what stands in a workflow file is anybody's.
func FuzzCompile(f *testing.F) {
	for _, spec := range []string{"0 6 * * *", "*/5 * * * *", "0 0 31 2 *", "0-59/0 * * * *", "99999999999 * * * *", "* * * * mon-fri", "@every 1ns", "TZ=UTC * * * * *", "? ? ? ? ?", "-1 * * * *"} {
		f.Add(spec, "Europe/Berlin")
	}
	f.Add("0 6 * * *", "../../etc/passwd")
	f.Add("0 6 * * *", "Local")
	from := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec, zone string) {
		set := schedule.Compile([]config.Cron{{Spec: spec, Timezone: zone}})
		next, ok := set.Next(from)
		if ok == set.Empty() {
			t.Fatalf("next %v of a set that is empty: %v", next, set.Empty())
		}
		if ok && (!next.At.After(from) || next.At.Second() != 0 || next.At.Location() != time.UTC) {
			t.Fatalf("%q comes at %v", spec, next.At)
		}
		if n := len(set.Between(from, from.Add(48*time.Hour), 10)); n > 10 {
			t.Fatalf("%d ticks", n)
		}
	})
}

package schedule_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

// assign matches runs in the order in which they are heard of.
func assign(set schedule.Set, created ...time.Time) []string {
	answered := map[schedule.Tick]bool{}
	var out []string
	for _, c := range created {
		t, ok := set.Match(c, func(t schedule.Tick) bool { return answered[t] }, nil)
		if !ok {
			out = append(out, "none")
			continue
		}
		answered[t] = true
		out = append(out, t.At.Format("02 15:04")+" "+t.Cron)
	}
	return out
}

func TestMatch(t *testing.T) {
	const daily, hourly = "0 6 * * *", "0 * * * *"
	for _, tt := range []struct {
		name    string
		crons   []config.Cron
		created []string
		want    []string
	}{
		{"in time", []config.Cron{cron(daily, "")}, []string{"2026-05-02 06:01"}, []string{"02 06:00 0 6 * * *|UTC"}},
		{"two minutes before the tick is early", []config.Cron{cron(daily, "")}, []string{"2026-05-02 05:58"}, []string{"02 06:00 0 6 * * *|UTC"}},
		{"more is late", []config.Cron{cron(daily, "")}, []string{"2026-05-02 05:57"}, []string{"01 06:00 0 6 * * *|UTC"}},
		{"early, where the hour before has its run", []config.Cron{cron(hourly, "")}, []string{"2026-05-02 05:01", "2026-05-02 05:59"}, []string{"02 05:00 0 * * * *|UTC", "02 06:00 0 * * * *|UTC"}},
		{"late, where it has none", []config.Cron{cron(hourly, "")}, []string{"2026-05-02 05:59"}, []string{"02 05:00 0 * * * *|UTC"}},
		{"11 h late", []config.Cron{cron(daily, "")}, []string{"2026-05-02 17:00"}, []string{"02 06:00 0 6 * * *|UTC"}},
		{
			"a second run answers the tick before, a third one the one before that, a fourth none",
			[]config.Cron{cron(daily, "")}, []string{"2026-05-02 06:01", "2026-05-02 06:02", "2026-05-02 06:03", "2026-05-02 06:04"},
			[]string{"02 06:00 0 6 * * *|UTC", "01 06:00 0 6 * * *|UTC", "none", "none"},
		},
		{"48 h late", []config.Cron{cron("0 6 1 * *", "")}, []string{"2026-05-03 06:00"}, []string{"01 06:00 0 6 1 * *|UTC"}},
		{"later than that", []config.Cron{cron("0 6 1 * *", "")}, []string{"2026-05-03 06:01"}, []string{"none"}},
		{
			"every hour, some merged: each run the latest", []config.Cron{cron(hourly, "")},
			[]string{"2026-05-02 06:40", "2026-05-02 09:10", "2026-05-02 09:50"},
			[]string{"02 06:00 0 * * * *|UTC", "02 09:00 0 * * * *|UTC", "02 08:00 0 * * * *|UTC"},
		},
		{
			"a second run of the evening is the late one of the morning", []config.Cron{cron("0 5-7 * * *", "")},
			[]string{"2026-05-02 05:01", "2026-05-02 07:01", "2026-05-02 20:17"},
			[]string{"02 05:00 0 5-7 * * *|UTC", "02 07:00 0 5-7 * * *|UTC", "02 06:00 0 5-7 * * *|UTC"},
		},
		{
			"two crons at one minute, two runs", []config.Cron{cron(daily, ""), cron("0 */6 * * *", "")},
			[]string{"2026-05-02 06:01", "2026-05-02 06:01"}, []string{"02 06:00 0 6 * * *|UTC", "02 06:00 0 */6 * * *|UTC"},
		},
		{"no schedule", nil, []string{"2026-05-02 06:01"}, []string{"none"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var created []time.Time
			for _, c := range tt.created {
				created = append(created, at(t, c))
			}
			got := assign(schedule.Compile(tt.crons), created...)
			for i := range tt.want {
				if got[i] != tt.want[i] {
					t.Errorf("run %d answers %s, want %s", i+1, got[i], tt.want[i])
				}
			}
		})
	}
}

// TestMatchIsAnAssignment: no tick has two runs, none is after its run, and a
// run has none only when all that it could answer have one.
func TestMatchIsAnAssignment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := schedule.Compile([]config.Cron{
			{Spec: rapid.SampledFrom([]string{"0 6 * * *", "*/15 * * * *", "0 * * * *", "30 2 * * 1-5"}).Draw(t, "cron"), Timezone: rapid.SampledFrom(zones).Draw(t, "zone")},
			{Spec: "0 12 * * *"},
		})
		start := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
		answered := map[schedule.Tick]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "runs") {
			created := start.Add(time.Duration(rapid.IntRange(0, 96*3600).Draw(t, "created")) * time.Second)
			tick, ok := set.Match(created, func(t schedule.Tick) bool { return answered[t] }, nil)
			late := created.Sub(tick.At)
			switch {
			case ok && answered[tick]:
				t.Fatalf("%v has two runs", tick)
			case ok && (late < -schedule.Early || late > schedule.MaxLate):
				t.Fatalf("%v is answered %v late", tick, late)
			}
			for _, c := range set.Candidates(created) {
				if c.At.After(tick.At) && !c.At.After(created.Add(schedule.Skew)) && !answered[c] && (ok || late != 0) {
					t.Fatalf("a run of %v answers %v, but %v is later and has none", created, tick, c)
				}
			}
			answered[tick] = ok
		}
	})
}

// A clock that is seconds off makes no run a late one; a minute is the run of
// the tick before, which must not stay missing because of it.
func TestMatchBeforeItsTick(t *testing.T) {
	set := schedule.Compile([]config.Cron{cron("0 * * * *", "")})
	tick := at(t, "2026-05-02 06:00")
	for early, want := range map[time.Duration]time.Time{
		schedule.Skew: tick, schedule.Skew + time.Second: tick.Add(-time.Hour), time.Minute: tick.Add(-time.Hour),
	} {
		if got, ok := set.Match(tick.Add(-early), func(schedule.Tick) bool { return false }, nil); !ok || got.At != want {
			t.Errorf("%v early: answers %v, want %v", early, got.At, want)
		}
	}
}

// In the hour that comes twice a second run is no late one of an earlier tick,
// and the first one answers its tick, whenever in that hour it comes.
func TestMatchInTheHourThatComesTwice(t *testing.T) {
	set := schedule.Compile([]config.Cron{cron("0 * * * *", "Europe/Berlin"), cron("30 2 * * *", "Europe/Berlin")})
	first := at(t, "2026-10-25 00:00") // 02:00, and again an hour later
	wanted := func(tick schedule.Tick) bool { return tick.At.Equal(first.Add(-4 * time.Hour)) }
	all := func(tick schedule.Tick) bool { return !wanted(tick) }
	for created, want := range map[time.Duration]time.Time{
		time.Minute:                  first.Add(-4 * time.Hour), // a second run of the first time
		time.Hour + time.Minute:      {},
		90*time.Minute + time.Minute: {},
		2*time.Hour + time.Minute:    first.Add(-4 * time.Hour), // 03:00, which comes once
	} {
		if got, ok := set.Match(first.Add(created), all, wanted); got.At != want || ok == want.IsZero() {
			t.Errorf("%v after the first time: answers %v, want %v", created, got.At, want)
		}
	}
	none := func(schedule.Tick) bool { return false }
	if got, ok := set.Match(first.Add(time.Hour+time.Minute), none, wanted); !ok || got.At != first.Add(30*time.Minute) {
		t.Errorf("without a run so far it answers %v", got.At)
	}
}

// A run that no newer tick needs is that of a tick which was made up for,
// however far back, before that of one which nobody has missed.
func TestMatchPrefersWhatWasMadeUpFor(t *testing.T) {
	set := schedule.Compile([]config.Cron{cron("*/5 * * * *", "")})
	done, created := at(t, "2026-05-01 09:00"), at(t, "2026-05-02 20:17")
	latest := at(t, "2026-05-02 20:15")
	wanted := func(t schedule.Tick) bool { return t.At.Equal(done) }
	if got, ok := set.Match(created, func(schedule.Tick) bool { return false }, wanted); !ok || got.At != latest {
		t.Errorf("the first run answers %v, want the latest tick", got.At)
	}
	answered := func(t schedule.Tick) bool { return t.At.Equal(latest) }
	if got, ok := set.Match(created, answered, wanted); !ok || got.At != done {
		t.Errorf("the second run answers %v, want %v", got.At, done)
	}
	if got, ok := set.Match(created, answered, func(schedule.Tick) bool { return false }); !ok || got.At != latest.Add(-5*time.Minute) {
		t.Errorf("where nothing was done it answers %v, want the one before", got.At)
	}
}

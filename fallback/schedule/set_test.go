package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func cron(spec, zone string) config.Cron { return config.Cron{Spec: spec, Timezone: zone} }

// moments are the ticks of a set as text.
func moments(ticks []schedule.Tick) []string {
	var out []string
	for _, t := range ticks {
		out = append(out, t.At.Format("2006-01-02 15:04"))
	}
	return out
}

// TestDaylightSaving covers both days of the year on which a day has not 24
// hours. What happens in the skipped hour is GitHub's own example.
func TestDaylightSaving(t *testing.T) {
	for _, tt := range []struct {
		name, spec, zone, after, through string
		want                             []string // UTC
	}{
		{
			"Berlin, skipped: 02:30 becomes 03:00 local", "30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", "2026-03-31 00:00",
			[]string{"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"},
		},
		{
			"Berlin, doubled: 02:30 is the first one", "30 2 * * *", "Europe/Berlin", "2026-10-24 00:00", "2026-10-27 00:00",
			[]string{"2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"},
		},
		{
			"Berlin, every hour around the skipped one", "0 * * * *", "Europe/Berlin", "2026-03-28 23:30", "2026-03-29 03:00",
			[]string{"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00", "2026-03-29 03:00"},
		},
		{
			"Berlin, four of the skipped hour are one with 03:00", "*/15 2-3 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 02:00",
			[]string{"2026-03-29 01:00", "2026-03-29 01:15", "2026-03-29 01:30", "2026-03-29 01:45"},
		},
		{
			"Berlin, every half hour around the doubled one", "*/30 1-3 * * *", "Europe/Berlin", "2026-10-24 22:00", "2026-10-25 04:00",
			[]string{"2026-10-24 23:00", "2026-10-24 23:30", "2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 02:00", "2026-10-25 02:30"},
		},
		{
			"New York, skipped", "30 2 * * *", "America/New_York", "2026-03-07 12:00", "2026-03-10 00:00",
			[]string{"2026-03-08 07:00", "2026-03-09 06:30"},
		},
		{
			"New York, doubled", "30 1 * * *", "America/New_York", "2026-10-31 12:00", "2026-11-03 00:00",
			[]string{"2026-11-01 05:30", "2026-11-02 06:30"},
		},
		{
			"New York, weekdays at 09:00 over a change", "0 9 * * 1-5", "America/New_York", "2026-03-06 00:00", "2026-03-10 00:00",
			[]string{"2026-03-06 14:00", "2026-03-09 13:00"},
		},
		{
			"Kolkata is half an hour off", "0 6 * * *", "Asia/Kolkata", "2026-06-01 00:00", "2026-06-03 00:00",
			[]string{"2026-06-01 00:30", "2026-06-02 00:30"},
		},
		{
			"Lord Howe skips half an hour: 02:15 becomes 02:30", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02 12:00", "2026-10-05 00:00",
			[]string{"2026-10-02 15:45", "2026-10-03 15:30", "2026-10-04 15:15"},
		},
		{
			"Lord Howe doubles half an hour: 01:45 is the first one", "45 1 * * *", "Australia/Lord_Howe", "2026-04-03 12:00", "2026-04-06 00:00",
			[]string{"2026-04-03 14:45", "2026-04-04 14:45", "2026-04-05 15:15"},
		},
		{
			"Apia had no 30 December 2011: it becomes the 31st", "0 12 * * *", "Pacific/Apia", "2011-12-29 00:00", "2012-01-01 00:00",
			[]string{"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00", "2011-12-31 22:00"},
		},
		{
			"Havana skips midnight: it becomes 01:00, on the same day", "0 0 * * *", "America/Havana", "2026-03-07 12:00", "2026-03-10 00:00",
			[]string{"2026-03-08 05:00", "2026-03-09 04:00"},
		},
		{
			"without a timezone nothing changes", "30 2 * * *", "", "2026-03-28 12:00", "2026-03-30 12:00",
			[]string{"2026-03-29 02:30", "2026-03-30 02:30"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := schedule.Compile([]config.Cron{cron(tt.spec, tt.zone)})
			if diff := cmp.Diff(tt.want, moments(set.Between(at(t, tt.after), at(t, tt.through), 100))); diff != "" {
				t.Error(diff)
			}
			var stepped []schedule.Tick
			for from := at(t, tt.after); ; {
				next, ok := set.Next(from)
				if !ok || next.At.After(at(t, tt.through)) {
					break
				}
				stepped, from = append(stepped, next), next.At
			}
			if diff := cmp.Diff(tt.want, moments(stepped)); diff != "" {
				t.Error("by Next:", diff)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	for _, tt := range []struct {
		name  string
		crons []config.Cron
		want  []schedule.Tick
	}{
		{"none", nil, nil},
		{"no cron at all", []config.Cron{cron("every day", ""), cron("", ""), cron("@daily", ""), cron("CRON_TZ=UTC 0 0 * * *", "")}, nil},
		{"no such zone", []config.Cron{cron("0 6 * * *", "Mars/Olympus")}, nil},
		{"a date that never comes", []config.Cron{cron("0 0 31 2 *", "")}, nil},
		{
			"all crons of a file, two at one minute, one of them broken",
			[]config.Cron{cron("0 6 * * *", ""), cron("0 */6 * * *", "Etc/UTC"), cron("nonsense", "")},
			[]schedule.Tick{
				{At: at(t, "2026-01-01 06:00"), Cron: "0 */6 * * *|Etc/UTC"}, {At: at(t, "2026-01-01 06:00"), Cron: "0 6 * * *|UTC"},
				{At: at(t, "2026-01-01 12:00"), Cron: "0 */6 * * *|Etc/UTC"},
			},
		},
		{
			"the same cron twice is one", []config.Cron{cron("0 6 * * *", ""), cron("0 6 * * *", "")},
			[]schedule.Tick{{At: at(t, "2026-01-01 06:00"), Cron: "0 6 * * *|UTC"}},
		},
		{
			"day of month or day of week", []config.Cron{cron("0 6 1 * 5", "")},
			[]schedule.Tick{{At: at(t, "2026-01-01 06:00"), Cron: "0 6 1 * 5|UTC"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := schedule.Compile(tt.crons)
			got := set.Between(at(t, "2026-01-01 00:00"), at(t, "2026-01-01 13:00"), 100)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if next, ok := set.Next(at(t, "2026-01-01 00:00")); ok != (tt.want != nil) || ok && next != tt.want[0] {
				t.Errorf("next %v %v", next, ok)
			}
			if set.Empty() != (tt.want == nil) {
				t.Errorf("empty is %v", set.Empty())
			}
		})
	}
}

func TestBetweenGivesTheNewest(t *testing.T) {
	set := schedule.Compile([]config.Cron{cron("*/5 * * * *", "")})
	day := at(t, "2026-01-02 00:00")
	for _, limit := range []int{-1, 0, 1, 2, 287, 288, 289} {
		got := set.Between(day.Add(-24*time.Hour), day, limit)
		if want := min(max(limit, 0), 288); len(got) != want {
			t.Errorf("limit %d: %d ticks, want %d", limit, len(got), want)
		}
		if len(got) > 0 && !got[len(got)-1].At.Equal(day) {
			t.Errorf("limit %d ends at %v", limit, got[len(got)-1])
		}
	}
	// Ten years in no time, and nothing before the first moment.
	if got := set.Between(day.AddDate(-10, 0, 0), day, 3); len(got) != 3 {
		t.Errorf("%d ticks of ten years", len(got))
	}
	leap := schedule.Compile([]config.Cron{cron("0 0 29 2 *", "")})
	if diff := cmp.Diff([]string{"2096-02-29 00:00", "2104-02-29 00:00"}, moments(leap.Between(at(t, "2095-01-01 00:00"), at(t, "2105-01-01 00:00"), 9))); diff != "" {
		t.Error(diff)
	}
}

func TestPeriod(t *testing.T) {
	for spec, want := range map[string]time.Duration{
		"*/5 * * * *": 5 * time.Minute, "0 * * * *": time.Hour, "0 6 * * *": 24 * time.Hour, "0 6 * * 1": 7 * 24 * time.Hour, "0 0 31 2 *": 0,
	} {
		if got := schedule.Compile([]config.Cron{cron(spec, "")}).Period(); got != want {
			t.Errorf("%s: %v, want %v", spec, got, want)
		}
	}
	if got := schedule.Compile([]config.Cron{cron("0 0 29 2 *", "")}).Period(); got < 3*365*24*time.Hour {
		t.Errorf("29 February comes every %v", got)
	}
}

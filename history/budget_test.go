package history

import (
	"testing"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

func rateOf(limit, remaining int, reset time.Time) github.Rate {
	return github.Rate{Limit: limit, Remaining: remaining, Reset: github.Timestamp{Time: reset}}
}

func TestInterval(t *testing.T) {
	for _, tc := range []struct {
		repositories, hourly int
		want                 time.Duration
	}{
		{0, 5000, scanMin}, {1, 5000, scanMin},
		{41, 5000, scanMin}, {42, 5000, 302400 * time.Millisecond}, // 500 scans an hour
		{499, 5000, time.Hour - 7200*time.Millisecond}, {500, 5000, scanMax}, {10000, 5000, scanMax},
		{42, 12500, scanMin}, {1000, 12500, 48 * time.Minute},
		{1, 0, scanMax}, {1, 60, 10 * time.Minute},
	} {
		if got := interval(tc.repositories, tc.hourly); got != tc.want {
			t.Errorf("%d repositories with %d requests an hour: every %s, want %s", tc.repositories, tc.hourly, got, tc.want)
		}
	}
}

func TestBudget(t *testing.T) {
	now := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	b := &budget{}
	b.at(now)
	for range defaultHourly/share - 1 {
		b.note(runs.Page{})
	}
	b.note(runs.Page{Free: true})
	if b.spent() {
		t.Error("spent one below the share; what is unchanged costs nothing")
	}
	b.note(runs.Page{})
	if !b.spent() || !b.over().Equal(now.Add(time.Hour)) {
		t.Errorf("at the share: spent %v until %s", b.spent(), b.over())
	}
	b.note(runs.Page{Rate: rateOf(15000, 1, now)})
	if b.spent() {
		t.Error("the share is not that of the limit that GitHub names")
	}
	b.at(now.Add(time.Hour - time.Millisecond))
	if b.Spent == 0 {
		t.Error("the hour ended early")
	}
	if b.at(now.Add(time.Hour)); b.Spent != 0 || b.HourAt != store.MillisOf(now.Add(time.Hour)) {
		t.Errorf("no new hour: %+v", b)
	}
	b.note(runs.Page{})
	if b.at(now); b.Spent != 0 {
		t.Error("a clock that was set back keeps the hour for longer than one")
	}
}

func TestScarce(t *testing.T) {
	now := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		rate github.Rate
		want time.Duration // 0: enough
	}{
		"nothing said":   {github.Rate{}, 0},
		"three tenths":   {rateOf(5000, 1500, in(time.Hour)), 0},
		"one below":      {rateOf(5000, 1499, in(20*time.Minute)), 20 * time.Minute},
		"over already":   {rateOf(5000, 0, in(-time.Second)), 0},
		"just now":       {rateOf(5000, 0, now), 0},
		"soon":           {rateOf(5000, 0, in(time.Second)), time.Minute},
		"a wrong clock":  {rateOf(5000, 0, in(72*time.Hour)), time.Hour},
		"without an end": {github.Rate{Limit: 5000}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			until, ok := scarce(tc.rate, spareRead, now)
			if ok != (tc.want != 0) || ok && until.Sub(now) != tc.want {
				t.Errorf("until %s %v, want in %s", until, ok, tc.want)
			}
		})
	}
}

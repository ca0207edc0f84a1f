package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

// GitHub starts no schedule more often than every five minutes.
func TestNoTicksThatGitHubNeverStarts(t *testing.T) {
	for spec, want := range map[string]string{
		"* * * * *":       "0 5 10 15 20 25 30 35 40 45 50 55",
		"*/2 * * * *":     "0 6 12 18 24 30 36 42 48 54",
		"*/5 * * * *":     "0 5 10 15 20 25 30 35 40 45 50 55",
		"*/7 * * * *":     "0 7 14 21 28 35 42 49", // 56 is four minutes before the next hour
		"0,58 * * * *":    "0",
		"0,58 6 * * *":    "0 58", // no hour follows
		"0,58 0,23 * * *": "0",
		"3-6 6 * * *":     "3",
		"3,8 6 * * *":     "3 8",
		"3,7 6 * * *":     "3",
	} {
		set := schedule.Compile([]config.Cron{{Spec: spec}})
		got := ""
		for _, tick := range set.Last(time.Date(2026, 5, 2, 6, 0, 0, 0, time.UTC), time.Date(2026, 5, 2, 6, 59, 0, 0, time.UTC), 100) {
			got += fmt.Sprintf(" %d", tick.At.Minute())
		}
		if spec == "0,58 0,23 * * *" { // it does not come at six
			got = fmt.Sprintf(" %d", set.Last(time.Time{}, time.Date(2026, 5, 2, 0, 59, 0, 0, time.UTC), 1)[0].At.Minute())
		}
		if diff := cmp.Diff(" "+want, got); diff != "" {
			t.Errorf("%s: %s", spec, diff)
		}
	}
}

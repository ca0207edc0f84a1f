package history

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// A schedule that ticks less than 20 times in four weeks is read further back:
// as far as its newest 20 runs go, and as GitHub keeps runs.
func TestPastOfASparseSchedule(t *testing.T) {
	for name, tc := range map[string]struct {
		cron          string
		next          func(time.Time) time.Time
		ticks, expect int
	}{
		"weekly":               {"0 6 * * 1", days(7), 10, 10},
		"weekly for long":      {"0 6 * * 1", days(7), 30, store.SparseRuns},
		"monthly":              {"0 6 1 * *", month, 7, 7},
		"monthly for years":    {"0 6 1 * *", month, 20, 14}, // of 400 days
		"too little even then": {"0 6 1 * *", month, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, githubtest.Config{})
			if _, err := b.repo.Push("main", files(tc.cron), "sparse"); err != nil {
				t.Fatal(err)
			}
			for tick, n := time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC), 0; n < tc.ticks; tick, n = tc.next(tick), n+1 {
				b.clock.Advance(tick.Add(2 * time.Hour).Sub(b.clock.Now()))
				b.run(hourly, "schedule", "success")
			}
			b.clock.Advance(time.Hour)
			b.enrol(tc.cron, b.at)
			b.work()
			w := b.watch(hourly)
			soft, hard := 2*time.Hour, 150*time.Minute
			if tc.expect < schedule.MinSamples {
				soft, hard = schedule.DefaultSoft, schedule.DefaultHard
			}
			if w.Samples != tc.expect || w.Soft != soft.Milliseconds() || w.Hard != hard.Milliseconds() {
				t.Errorf("learned from %d runs a soft grace of %v and a hard one of %v, want %d, %v and %v", w.Samples,
					time.Duration(w.Soft)*time.Millisecond, time.Duration(w.Hard)*time.Millisecond, tc.expect, soft, hard)
			}
		})
	}
}

func days(n int) func(time.Time) time.Time {
	return func(at time.Time) time.Time { return at.AddDate(0, 0, n) }
}

func month(at time.Time) time.Time { return at.AddDate(0, 1, 0) }

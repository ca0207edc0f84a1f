package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// TestUsefulInTheFirstMinute: forty workflows with a day of lateness behind
// them have learned graces, and the runs that health is told from, within a
// minute after the App was installed, for a small part of the hourly limit.
func TestUsefulInTheFirstMinute(t *testing.T) {
	const workflows, hours = 40, 24
	began := time.Date(2026, 6, 1, 8, 30, 0, 0, time.UTC)
	clock := clockwork.NewFakeClockAt(began)
	gh, err := githubtest.Start(githubtest.Config{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gh.Close() })
	files, config := map[string]string{}, "version: 1\nworkflows:\n"
	for i := range workflows {
		files[fmt.Sprintf(".github/workflows/w%d.yml", i)] = "on: {schedule: [{cron: '0 * * * *'}]}\njobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
		config += fmt.Sprintf("  - {file: w%d.yml}\n", i)
	}
	files[".github/redundancy.yml"] = config
	repo, err := gh.AddRepo("acme", "site", files)
	if err != nil {
		t.Fatal(err)
	}
	for hour := range hours { // up to 46 minutes late
		clock.Advance(began.Truncate(time.Hour).Add(time.Duration(hour+1)*time.Hour + time.Duration(2*hour)*time.Minute).Sub(clock.Now()))
		for i := range workflows {
			x, err := repo.StartRun(fmt.Sprintf("w%d.yml", i), "schedule")
			if err == nil {
				err = x.Complete("success")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.Advance(10 * time.Minute)

	p := startInProcessAt(t, gh, t.TempDir(), 1, clock)
	before, installed := clock.Now(), time.Now()
	gh.Install("acme")
	p.until(time.Minute, func(ctx context.Context) string {
		if pending, _, err := p.store.PendingDeliveries(ctx); err != nil || pending > 0 {
			clock.Advance(100 * time.Millisecond) // results are written together, a moment later
		}
		watches, err := store.WatchesOf(ctx, p.store.Read(), repo.ID)
		if err != nil || len(watches) != workflows {
			return fmt.Sprintf("%d workflows are watched (%v)", len(watches), err)
		}
		for _, w := range watches {
			runs, err := p.store.PastRuns(ctx, repo.ID, w.WorkflowPath, "main", 0, 1000)
			switch {
			case err != nil || len(runs) != hours:
				return fmt.Sprintf("%d runs of %s are known (%v)", len(runs), w.WorkflowPath, err)
			case w.Samples != hours || time.Duration(w.Soft)*time.Millisecond != 44*time.Minute: // the 95th of a hundred, the 23rd of 24
				return fmt.Sprintf("%s has learned %s from %d", w.WorkflowPath, time.Duration(w.Soft)*time.Millisecond, w.Samples)
			}
		}
		return ""
	})
	if took := clock.Since(before); took >= time.Minute {
		t.Errorf("it took %s of the clock: something waits for a timer", took)
	}
	t.Logf("useful after %s and %d requests", time.Since(installed).Round(time.Millisecond), len(gh.Calls()))
	if n := len(gh.Calls()); n > 5*workflows {
		t.Errorf("%d requests for %d workflows", n, workflows)
	}
	for _, v := range gh.Violations() {
		t.Errorf("GitHub would have refused: %s", v)
	}
}

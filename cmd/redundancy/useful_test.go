package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// TestUsefulInTheFirstMinute: forty workflows with a day of lateness and of
// waiting behind them have learned graces, limits of stalls and a score of
// health within a minute after the App was installed, for a small part of the
// hourly limit.
func TestUsefulInTheFirstMinute(t *testing.T) {
	const workflows, hours, sampled, wait = 40, 24, 10, 8 * time.Minute
	began := time.Date(2026, 6, 1, 8, 30, 0, 0, time.UTC)
	clock := clockwork.NewFakeClockAt(began)
	gh, err := githubtest.Start(githubtest.Config{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gh.Close() })
	files, wanted := map[string]string{}, "version: 1\nworkflows:\n"
	for i := range workflows {
		files[fmt.Sprintf(".github/workflows/w%d.yml", i)] = "on: {schedule: [{cron: '0 * * * *'}]}\njobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
		wanted += fmt.Sprintf("  - {file: w%d.yml}\n", i)
	}
	files[".github/redundancy.yml"] = wanted
	repo, err := gh.AddRepo("acme", "site", files)
	if err != nil {
		t.Fatal(err)
	}
	var delays []time.Duration
	for hour := range hours { // up to 46 minutes late
		late := time.Duration(2*hour) * time.Minute
		delays = append(delays, late)
		clock.Advance(began.Truncate(time.Hour).Add(time.Duration(hour+1)*time.Hour + late).Sub(clock.Now()))
		var runs []*githubtest.Run
		for i := range workflows {
			x, err := repo.StartRun(fmt.Sprintf("w%d.yml", i), "schedule")
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, x)
		}
		clock.Advance(wait)
		for _, x := range runs {
			if err := errors.Join(x.Progress(), x.Complete("success")); err != nil {
				t.Fatal(err)
			}
		}
	}
	grace := schedule.Learn(delays)
	if grace.Soft <= schedule.DefaultSoft || 3*wait <= stall.MinQueued {
		t.Fatal("the runs of this test teach nothing")
	}
	clock.Advance(10 * time.Minute)

	p := startInProcessAt(t, gh, t.TempDir(), 1, clock)
	before, installed := clock.Now(), time.Now()
	gh.Install("acme")
	p.until(3*time.Minute, func(ctx context.Context) string { // of a busy machine's; the clock is asked below
		if pending, _, err := p.store.PendingDeliveries(ctx); err != nil || pending > 0 {
			clock.Advance(100 * time.Millisecond) // results are written together, a moment later
		}
		watches, err := store.WatchesOf(ctx, p.store.Read(), repo.ID)
		if err != nil || len(watches) != workflows {
			return fmt.Sprintf("%d workflows are watched (%v)", len(watches), err)
		}
		for _, w := range watches {
			runs, err := p.store.PastRuns(ctx, repo.ID, w.WorkflowPath, "main", 0, 1000)
			got := schedule.Grace{Soft: time.Duration(w.Soft) * time.Millisecond, Hard: time.Duration(w.Hard) * time.Millisecond}
			limits, n := limitsOf(ctx, p, w)
			switch {
			case err != nil || len(runs) != hours:
				return fmt.Sprintf("%d runs of %s are known (%v)", len(runs), w.WorkflowPath, err)
			case w.Samples != hours || got.Soft != grace.Soft || got.Hard != grace.Hard:
				return fmt.Sprintf("%s has learned %s and %s from %d, not %s and %s", w.WorkflowPath, got.Soft, got.Hard, w.Samples, grace.Soft, grace.Hard)
			case n != sampled || limits.Queued != 3*wait:
				return fmt.Sprintf("%s has learned from %d queue times that %s is too long", w.WorkflowPath, n, limits.Queued)
			}
		}
		r, ok, err := p.store.Repository(ctx, repo.ID)
		if err != nil || !ok {
			return fmt.Sprintf("the repository is not known (%v)", err)
		}
		targets, err := health.New(health.Config{Store: p.store, Clock: clock}).Targets(ctx, r)
		if err != nil || len(targets) != workflows {
			return fmt.Sprintf("health of %d workflows (%v)", len(targets), err)
		}
		for _, target := range targets {
			if target.Score == nil {
				return fmt.Sprintf("%s has no score of health: %s", target.Workflow, target.WhyNoScore)
			}
		}
		return ""
	})
	if took := clock.Since(before); took >= time.Minute {
		t.Errorf("it took %s of the clock: something waits for a timer", took)
	}
	t.Logf("useful after %s and %d requests", time.Since(installed).Round(time.Millisecond), len(gh.Calls()))
	if n := len(gh.Calls()); n > (5+sampled)*workflows {
		t.Errorf("%d requests for %d workflows", n, workflows)
	}
	for _, v := range gh.Violations() {
		t.Errorf("GitHub would have refused: %s", v)
	}
}

// limitsOf are the limits of stalls of a workflow by what is on record, and of
// how many queue times.
func limitsOf(ctx context.Context, p *inProcess, w store.Watch) (stall.Limits, int) {
	past, err := store.AttemptsOf(ctx, p.store.Read(), w.RepoID, w.WorkflowPath, 0, 200)
	if err != nil {
		return stall.Limits{}, 0
	}
	var h stall.History
	for _, a := range past {
		if a.BeganAt != 0 {
			h.Queued = append(h.Queued, a.BeganAt.Time().Sub(a.StartedAt.Time()))
		}
	}
	return stall.Learn(config.Stall{}, h), len(h.Queued)
}

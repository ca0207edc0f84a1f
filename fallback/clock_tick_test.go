package fallback

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

func TestTickInTime(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	if w := b.watched(primaryPath); w.DueAt.Time() != hour(6, 15) || w.WatchedSince.Time() != dawn {
		t.Fatalf("due at %v, since %v", w.DueAt.Time(), w.WatchedSince.Time())
	}
	b.quiet(hour(6, 4))
	x := b.scheduledRun()
	run := b.saw(x)
	if run.TickAt.Time() != hour(6, 0) || run.TickCron != "0 6 * * *|UTC" {
		t.Fatalf("answers %v %s", run.TickAt.Time(), run.TickCron)
	}
	b.quiet(hour(6, 15))
	b.wantTicks()
	if n := b.incidents(); n != 0 {
		t.Errorf("%d incidents", n)
	}
	if w := b.watched(primaryPath); w.SettledThrough.Time() != hour(6, 0) || w.DueAt.Time() != hour(30, 15) {
		t.Errorf("settled through %v, due at %v", w.SettledThrough.Time(), w.DueAt.Time())
	}
	if diff := cmp.Diff(map[string]int{"answered": 1}, b.counted()); diff != "" {
		t.Error(diff)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(b.metrics, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if want := "redundancy_schedule_lag_seconds_sum 240\n"; !strings.Contains(answer.Body.String(), want) {
		t.Errorf("no %s", want)
	}
}

func TestTickWithoutRun(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	b.quiet(hour(6, 15).Add(-time.Millisecond))
	b.wantTicks()
	b.quiet(hour(6, 15))
	b.wantTicks("06:00 suspected")
	inc := b.want(Suspected)
	if inc.OpenedAt != hour(6, 15) {
		t.Errorf("opened at %v", inc.OpenedAt)
	}
	b.quiet(hour(6, 40))
	run := b.saw(b.scheduledRun())
	if run.TickAt.Time() != hour(6, 0) {
		t.Fatalf("answers %v", run.TickAt.Time())
	}
	b.work()
	b.want(Healthy)
	b.wantTicks("06:00 late")
	if diff := cmp.Diff(map[string]int{"late": 1, "suspected": 1}, b.counted()); diff != "" {
		t.Error(diff)
	}
}

// TestNewsLate: the run was there in time, and only its delivery was not.
func TestNewsLate(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	b.quiet(hour(6, 3))
	x := b.scheduledRun()
	b.end(x, "success")
	b.quiet(hour(6, 15))
	b.wantTicks("06:00 suspected")
	b.saw(x)
	b.work()
	b.want(Healthy)
	b.wantTicks()
}

func TestTickPlaceTaken(t *testing.T) {
	b := newWatch(t, config.Workflow{Schedule: config.Schedule{Grace: config.Duration(45 * time.Minute)}}, "*/30 * * * *")
	b.quiet(hour(4, 1))
	b.saw(b.scheduledRun()) // of 04:00, and 03:30 never had one
	b.quiet(hour(4, 45))
	b.wantTicks("03:30 dropped")
	if n := b.incidents(); n != 0 {
		t.Errorf("%d incidents", n)
	}
}

func TestAttemptsAnswerTheSameTick(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	b.quiet(hour(4, 2))
	x := b.scheduledRun()
	first := b.saw(x)
	for range 3 { // deliveries come again
		b.sawRow(first)
	}
	b.end(x, "failure")
	b.clock.Advance(3 * time.Hour)
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	again := b.saw(x)
	if again.Attempt != 2 || again.TickAt != first.TickAt || again.TickCron != first.TickCron {
		t.Errorf("attempt %d answers %v, the first one %v", again.Attempt, again.TickAt.Time(), first.TickAt.Time())
	}
	// The newer of two runs is heard of first: both keep what they have got.
	late, early := first, first
	early.RunID, early.CreatedAt = 77, store.MillisOf(hour(5, 1))
	late.RunID, late.CreatedAt = 78, store.MillisOf(hour(6, 1))
	for _, r := range []*store.WorkflowRun{&late, &early, &late} {
		r.TickAt, r.TickCron = 0, ""
		b.sawRow(*r)
	}
	for id, want := range map[int64]time.Time{77: hour(5, 0), 78: hour(6, 0), x.ID: hour(4, 0)} {
		r, _, err := store.LatestAttempt(b.ctx, b.store.Read(), b.at.ID, id)
		if err != nil || r.TickAt.Time() != want {
			t.Errorf("run %d answers %v, want %v: %v", id, r.TickAt.Time(), want, err)
		}
	}
}

func TestOnlySchedulesAnswerTicks(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	b.quiet(hour(6, 1))
	x, err := b.repo.StartRun(primaryPath, "workflow_dispatch")
	if err != nil {
		t.Fatal(err)
	}
	if run := b.saw(x); run.TickAt != 0 {
		t.Errorf("a dispatch answers %v", run.TickAt.Time())
	}
	b.quiet(hour(6, 15))
	b.wantTicks("06:00 suspected")
}

// TestObservedRunsAreMatched: what a list shows counts like a delivery.
func TestObservedRunsAreMatched(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	b.quiet(hour(6, 5))
	x := b.scheduledRun()
	b.end(x, "success")
	b.observe(x.ID)
	b.quiet(hour(6, 15))
	b.wantTicks()
	if diff := cmp.Diff(map[string]int{"answered": 1}, b.counted()); diff != "" {
		t.Error(diff)
	}
}

// TestAfterADowntime: ticks that came while nobody looked are made up for, the
// newest fifty of them.
func TestAfterADowntime(t *testing.T) {
	for _, tt := range []struct {
		catchup config.Catchup
		down    time.Duration
		want    map[string]int
	}{
		{"", 5 * time.Hour, map[string]int{"dropped": 4, "suspected": 1}},
		{config.CatchupLatest, 50 * time.Hour, map[string]int{"dropped": 49, "suspected": 1}},
		{config.CatchupLatest, 51 * time.Hour, map[string]int{"dropped": 49, "suspected": 1, "unwatched": 1}},
		{config.CatchupAll, 52 * time.Hour, map[string]int{"suspected": 50, "unwatched": 2}},
		{config.CatchupAll, 30 * 24 * time.Hour, map[string]int{"suspected": 50, "unwatched": 50}},
	} {
		t.Run(fmt.Sprintf("%s %v", tt.catchup, tt.down), func(t *testing.T) {
			b := newWatch(t, config.Workflow{Schedule: config.Schedule{Catchup: tt.catchup}}, "0 * * * *")
			b.restart()
			b.quiet(dawn.Add(tt.down)) // at 20 past
			if diff := cmp.Diff(tt.want, b.counted()); diff != "" {
				t.Error(diff)
			}
			last := b.ticks()
			if want := dawn.Add(tt.down).Format("15:00") + " suspected"; last[len(last)-1] != want {
				t.Errorf("the last is %s, want %s", last[len(last)-1], want)
			}
			b.look()
			if diff := cmp.Diff(last, b.ticks()); diff != "" {
				t.Error("another look changes it:", diff)
			}
		})
	}
}

// TestNobodysTicks: GitHub runs nothing in an archived repository, and tells us
// nothing of one that we may not see.
func TestNobodysTicks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(b *bench, ctx ctx, tx *store.Tx) error
	}{
		{"suspended", func(b *bench, ctx ctx, tx *store.Tx) error {
			_, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: b.at.InstallationID, Account: "acme", State: store.InstallationSuspended, Permissions: "{}"})
			return err
		}},
		{"archived", func(b *bench, ctx ctx, tx *store.Tx) error {
			_, err := tx.NewUpdate().Model((*store.Repository)(nil)).Set("archived = TRUE").Where("id = ?", b.at.ID).Exec(ctx)
			return err
		}},
		{"switched off", func(b *bench, ctx ctx, tx *store.Tx) error {
			b.clock.Advance(hour(5, 10).Sub(b.clock.Now()))
			return tx.SetWorkflowState(ctx, b.at.ID, primaryPath, "disabled_manually", b.engine.now(), 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newWatch(t, config.Workflow{}, "0 * * * *")
			if err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return tt.change(b, ctx, tx) }); err != nil {
				t.Fatal(err)
			}
			b.quiet(hour(5, 15))
			b.wantTicks("04:00 unwatched", "05:00 unwatched")
			if n := b.incidents(); n != 0 {
				t.Errorf("%d incidents", n)
			}
		})
	}
}

// TestSwitchedOnAgain: a run of the schedule proves that the workflow is on.
func TestSwitchedOnAgain(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		return tx.SetWorkflowState(ctx, b.at.ID, primaryPath, "disabled_manually", b.engine.now(), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.quiet(hour(5, 1))
	b.saw(b.scheduledRun())
	if w := b.watched(primaryPath); w.WorkflowState != "active" {
		t.Errorf("state %q", w.WorkflowState)
	}
	b.quiet(hour(6, 15))
	b.wantTicks("04:00 unwatched", "06:00 suspected")
}

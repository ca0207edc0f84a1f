package fallback

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// TestOneBadWatch: what is wrong with one does not keep the others waiting.
func TestOneBadWatch(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		for id, facts := range map[int64]string{1: "no JSON", 2: `{"crons":[{"spec":"0 * * * *"}]}`} { // 2 is nowhere on record
			w := store.Watch{
				RepoID: id, WorkflowPath: "x", Facts: facts, Flow: "{}",
				SettledThrough: store.MillisOf(dawn), DueAt: store.MillisOf(hour(4, 0)), LearnedAt: b.engine.now(),
			}
			if err := tx.SaveWatch(ctx, &w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.quiet(hour(4, 15))
	b.wantTicks("04:00 suspected")
	for _, id := range []int64{1, 2} {
		w, _, err := store.ReadWatch(b.ctx, b.store.Read(), id, "x")
		if err != nil || w.DueAt.Time() != hour(5, 15) {
			t.Errorf("watch of repository %d is due at %v: %v", id, w.DueAt.Time(), err)
		}
	}
}

// running is the clock at work; what it looked at is heard of through the channel.
func (b *bench) running() (looked <-chan int, stop func()) {
	b.Helper()
	done, heard := make(chan struct{}), make(chan int, 100)
	b.engine.clock.looked = func(n int) { heard <- n }
	ctx, cancel := context.WithCancel(b.ctx)
	go func() {
		defer close(done)
		b.engine.RunClock(ctx)
	}()
	return heard, func() { cancel(); <-done }
}

func TestRunClock(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	looked, stop := b.running()
	defer stop()
	wait := func(want int) {
		t.Helper()
		if n := <-looked; n != want {
			t.Fatalf("looked at %d watches, want %d", n, want)
		}
	}
	sleeping := func() {
		t.Helper()
		if err := b.clock.BlockUntilContext(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	// It sleeps in naps of ten minutes, and does nothing in between.
	for b.clock.Now().Before(hour(4, 10)) {
		sleeping()
		b.clock.Advance(maxNap)
	}
	sleeping()
	if len(looked) != 0 {
		t.Fatal("it looked before anything was due")
	}
	b.clock.Advance(hour(4, 15).Sub(b.clock.Now()))
	wait(1)
	b.wantTicks("04:00 suspected")
	sleeping()
	// A shorter grace makes the next tick due while the clock sleeps.
	b.configs.c.Workflows[0].Schedule.Grace = config.Duration(time.Minute)
	b.clock.Advance(hour(4, 24).Sub(b.clock.Now()))
	b.enrol(scheduled("25 4 * * *"))
	if w := b.watched(primaryPath); w.DueAt.Time() != hour(4, 26) {
		t.Fatalf("due at %v", w.DueAt.Time())
	}
	woken(t, b)
	b.clock.Advance(2 * time.Minute)
	wait(1)
	b.wantTicks("04:00 dropped", "04:25 suspected")
}

// woken waits until the bell was heard and the clock sleeps again, for two
// minutes instead of until the end of its nap.
func woken(t *testing.T, b *bench) {
	t.Helper()
	for len(b.engine.clock.bell) > 0 {
		if err := b.clock.BlockUntilContext(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.clock.BlockUntilContext(b.ctx, 1); err != nil {
		t.Fatal(err)
	}
}

// TestClockWaitsAfterAStart: what came while the process was away is being
// read, and until then absence proves nothing.
func TestClockWaitsAfterAStart(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	b.clock.Advance(hour(9, 16).Sub(b.clock.Now()))
	looked, stop := b.running()
	defer stop()
	if err := b.clock.BlockUntilContext(b.ctx, 1); err != nil {
		t.Fatal(err)
	}
	if len(looked) != 0 || len(b.ticks()) != 0 {
		t.Fatal("it looked at once")
	}
	b.clock.Advance(clockSettle)
	<-looked
	if last := b.ticks(); last[len(last)-1] != "09:00 suspected" {
		t.Errorf("%v", last)
	}
}

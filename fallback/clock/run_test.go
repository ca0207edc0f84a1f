package clock

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// TestOneBadWatch: what is wrong with one does not keep the others waiting.
func TestOneBadWatch(t *testing.T) {
	b := newBench(t, "0 * * * *")
	err := b.Store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		for id, facts := range map[int64]string{1: "no JSON", 2: `{"crons":[{"spec":"0 * * * *"}]}`} { // 2 is nowhere on record
			w := store.Watch{
				RepoID: id, WorkflowPath: "x", Facts: facts, Flow: "{}",
				SettledThrough: store.MillisOf(dawn), DueAt: store.MillisOf(hour(4, 0)), LearnedAt: b.now(),
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
		w, _, err := store.ReadWatch(b.ctx, b.Store.Read(), id, "x")
		if err != nil || w.DueAt.Time() != hour(5, 15) {
			t.Errorf("watch of repository %d is due at %v: %v", id, w.DueAt.Time(), err)
		}
	}
}

// running is the clock at work; what it looked at is heard of through the channel.
func (b *bench) running() (looked <-chan int, stop func()) {
	b.Helper()
	done, heard := make(chan struct{}), make(chan int, 100)
	b.looked = func(n int) { heard <- n }
	ctx, cancel := context.WithCancel(b.ctx)
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	return heard, func() { cancel(); <-done }
}

func TestRun(t *testing.T) {
	b := newBench(t, "0 * * * *")
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
		if err := b.time.BlockUntilContext(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	// It sleeps in naps of ten minutes, and does nothing in between.
	for b.time.Now().Before(hour(4, 10)) {
		sleeping()
		b.time.Advance(maxNap)
	}
	sleeping()
	if len(looked) != 0 {
		t.Fatal("it looked before anything was due")
	}
	b.time.Advance(hour(4, 15).Sub(b.time.Now()))
	wait(1)
	b.wantTicks("04:00 suspected")
	sleeping()
	// A shorter grace makes the next tick due while the clock sleeps.
	b.flow.Schedule.Grace = config.Duration(time.Minute)
	b.time.Advance(hour(4, 24).Sub(b.time.Now()))
	b.enrol("25 4 * * *")
	if w := b.watched(); w.DueAt.Time() != hour(4, 26) {
		t.Fatalf("due at %v", w.DueAt.Time())
	}
	woken(t, b)
	b.time.Advance(2 * time.Minute)
	wait(1)
	b.wantTicks("04:00 suspected", "04:25 suspected")
}

// woken waits until the bell was heard and the clock sleeps again, for two
// minutes instead of until the end of its nap.
func woken(t *testing.T, b *bench) {
	t.Helper()
	for len(b.bell) > 0 {
		if err := b.time.BlockUntilContext(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.time.BlockUntilContext(b.ctx, 1); err != nil {
		t.Fatal(err)
	}
}

// TestRunWaitsAfterAStart: what came while the process was away is being
// read, and until then absence proves nothing.
func TestRunWaitsAfterAStart(t *testing.T) {
	b := newBench(t, "0 * * * *")
	b.time.Advance(hour(9, 16).Sub(b.time.Now()))
	looked, stop := b.running()
	defer stop()
	if err := b.time.BlockUntilContext(b.ctx, 1); err != nil {
		t.Fatal(err)
	}
	if len(looked) != 0 || len(b.ticks()) != 0 {
		t.Fatal("it looked at once")
	}
	b.time.Advance(settle)
	<-looked
	if last := b.ticks(); last[len(last)-1] != "09:00 suspected" {
		t.Errorf("%v", last)
	}
}

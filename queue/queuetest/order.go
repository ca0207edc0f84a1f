package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

var errTest = errors.New("it failed")

func rolledBack(t *testing.T, f *fixture) {
	ran := make(chan string, 10)
	f.start(func(_ context.Context, j queue.Job) error { ran <- nameOf(j); return nil })
	err := f.Store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		if err := f.Queue.Enqueue(ctx, tx, item("never", queue.Options{Key: "k", Unique: "u"})); err != nil {
			return err
		}
		return errTest
	})
	if !errors.Is(err, errTest) {
		t.Fatalf("update: %v", err)
	}
	f.enqueue(item("always", queue.Options{Key: "k", Unique: "u"}))
	if got := receive(t, ran); got != "always" {
		t.Errorf("ran %q", got)
	}
}

func runsAfterCommit(t *testing.T, f *fixture) {
	ran := make(chan queue.Job, 1)
	f.start(func(_ context.Context, j queue.Job) error { ran <- j; return nil })
	f.enqueue(item("a", queue.Options{Key: "k", Unique: "u", MaxAttempts: 3}))
	got := receive(t, ran)
	now := f.Clock.Now().UTC()
	want := queue.Job{ID: got.ID, Kind: "test.task", Args: []byte(`{"name":"a"}`), Key: "k", Unique: "u", State: queue.Running,
		RunAt: now, Attempt: 1, MaxAttempts: 3, CreatedAt: now, StartedAt: now}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
}

func runsBatch(t *testing.T, f *fixture) {
	const n = 1000
	ran := make(chan string, n)
	f.start(func(_ context.Context, j queue.Job) error { ran <- nameOf(j); return nil })
	items := make([]queue.Item, 0, n)
	want := map[string]int{}
	for i := range n {
		name := fmt.Sprint("job ", i)
		want[name]++
		items = append(items, item(name, queue.Options{}))
	}
	f.enqueue(items...)
	got := map[string]int{}
	for _, name := range receiveN(t, ran, n) {
		got[name]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func keyOrder(t *testing.T, f *fixture) {
	const n = 30
	var (
		g        gauge
		finished = make(chan string, n)
	)
	f.start(func(_ context.Context, j queue.Job) error {
		g.enter()
		defer g.leave()
		name := nameOf(j)
		switch {
		case name == "05" && j.Attempt == 1:
			return errTest
		case name == "07" && j.LastError == "":
			return queue.Snooze(f.Clock.Now().Add(3*time.Hour), errTest)
		}
		finished <- name
		return nil
	})
	var want []string
	for i := range n {
		name := fmt.Sprintf("%02d", i)
		want = append(want, name)
		f.enqueue(item(name, queue.Options{Key: "k"}))
	}
	var got []string
	for range n {
		got = append(got, passTime(f, finished))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if g.peak != 1 {
		t.Errorf("%d jobs of one key ran at once", g.peak)
	}
}

func keyBehindDead(t *testing.T, f *fixture) {
	finished := make(chan string, 1)
	f.start(func(_ context.Context, j queue.Job) error {
		if nameOf(j) == "poison" {
			return queue.Permanent(errTest)
		}
		finished <- nameOf(j)
		return nil
	})
	f.enqueue(item("poison", queue.Options{Key: "k"}), item("next", queue.Options{Key: "k"}))
	if got := receive(t, finished); got != "next" {
		t.Errorf("ran %q", got)
	}
}

func parallelKeys(t *testing.T, f *fixture) {
	var all sync.WaitGroup
	all.Add(f.Workers)
	met := make(chan struct{})
	go func() { all.Wait(); close(met) }()
	f.start(func(ctx context.Context, _ queue.Job) error {
		all.Done()
		select {
		case <-met:
		case <-ctx.Done():
		}
		return nil
	})
	for i := range f.Workers {
		f.enqueue(item("x", queue.Options{Key: fmt.Sprint(i)}))
	}
	receive(t, met)
}

func workersBound(t *testing.T, f *fixture) {
	f.Workers = 3
	var g gauge
	ran := make(chan struct{}, 100)
	f.start(func(context.Context, queue.Job) error {
		g.enter()
		defer g.leave()
		ran <- struct{}{}
		return nil
	})
	for range 100 {
		f.enqueue(item("x", queue.Options{}))
	}
	receiveN(t, ran, 100)
	if g.peak > 3 {
		t.Errorf("%d jobs ran at once, there are 3 workers", g.peak)
	}
}

func runAt(t *testing.T, f *fixture) {
	ran := make(chan string, 3)
	f.start(func(_ context.Context, j queue.Job) error { ran <- nameOf(j); return nil })
	f.enqueue(item("later", queue.Options{RunAt: f.Clock.Now().Add(time.Hour)}),
		item("past", queue.Options{RunAt: f.Clock.Now().Add(-time.Hour)}))
	if got := receive(t, ran); got != "past" {
		t.Fatalf("ran %q", got)
	}
	f.Clock.Advance(time.Hour - time.Millisecond)
	f.enqueue(item("now", queue.Options{})) // proves that the queue has looked at this moment
	if got := receive(t, ran); got != "now" {
		t.Fatalf("ran %q", got)
	}
	f.Clock.Advance(time.Millisecond)
	if got := receive(t, ran); got != "later" {
		t.Errorf("ran %q", got)
	}
}

func hostileText(t *testing.T, f *fixture) {
	hostile := "it's \x00 a \xff '; DROP TABLE jobs; -- \u202e 🦆 ?0 {}"
	var first atomic.Bool
	ran := make(chan queue.Job, 2)
	f.start(func(_ context.Context, j queue.Job) error {
		if first.CompareAndSwap(false, true) {
			return errors.New(hostile)
		}
		ran <- j
		return nil
	})
	f.enqueue(item(hostile, queue.Options{Key: hostile, Unique: hostile}))
	const same = "it's \uFFFD a \uFFFD '; DROP TABLE jobs; -- \u202e 🦆 ?0 {}"
	if got := passTime(f, ran).LastError; got != same {
		t.Errorf("last error %q", got)
	}
	f.enqueue(item("a", queue.Options{Key: hostile, Unique: hostile}), item("b", queue.Options{Key: hostile}))
	receiveN(t, ran, 2)
}

func stats(t *testing.T, f *fixture) {
	running, release := make(chan struct{}, 1), make(chan struct{})
	f.start(func(_ context.Context, j queue.Job) error {
		if nameOf(j) == "dead" {
			return queue.Permanent(errTest)
		}
		running <- struct{}{}
		<-release
		return nil
	})
	defer close(release)
	f.enqueue(item("dead", queue.Options{Key: "k"}), item("running", queue.Options{Key: "k"}), item("waiting", queue.Options{Key: "k"}),
		item("later", queue.Options{RunAt: f.Clock.Now().Add(time.Hour)}))
	receive(t, running)
	want := queue.Stats{Available: 1, Waiting: 1, Running: 1, Dead: 1}
	if diff := cmp.Diff(want, f.stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

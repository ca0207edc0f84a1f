package queuetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
)

// gated starts with a worker whose jobs report that they began and then wait
// for their turn to end with an error.
func gated(f *fixture) (began chan queue.Job, end chan error) {
	began, end = make(chan queue.Job, 200), make(chan error)
	f.start(func(ctx context.Context, j queue.Job) error {
		began <- j
		select {
		case err := <-end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return began, end
}

func uniqueConcurrent(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("running", queue.Options{Key: "k", Unique: "u"}))
	receive(t, began)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := f.tryEnqueue(item("folded", queue.Options{Key: "k", Unique: "u"})); err != nil {
				t.Errorf("enqueue: %v", err)
			}
		})
	}
	wg.Wait()
	f.enqueue(item("last", queue.Options{Key: "k"}))
	var got []string
	for range 2 {
		end <- nil
		got = append(got, nameOf(receive(t, began)))
	}
	end <- nil
	if diff := cmp.Diff([]string{"folded", "last"}, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func uniqueRunAt(t *testing.T, f *fixture) {
	ran := make(chan queue.Job, 4)
	f.start(func(_ context.Context, j queue.Job) error { ran <- j; return nil })
	at := func(d time.Duration) queue.Options { return queue.Options{Unique: "u", RunAt: f.Clock.Now().Add(d)} }
	f.enqueue(item("first", at(2*time.Hour)))
	f.enqueue(item("sooner", at(time.Hour)))
	f.enqueue(item("later", at(3*time.Hour)))
	want := f.Clock.Now().Add(time.Hour).UTC()
	f.Clock.Advance(time.Hour)
	got := receive(t, ran)
	if nameOf(got) != "first" || !got.RunAt.Equal(want) {
		t.Errorf("ran %s of %s, want the arguments of the first at %s", nameOf(got), got.RunAt, want)
	}
	f.Clock.Advance(3 * time.Hour)
	f.enqueue(item("other", queue.Options{}))
	if got := nameOf(receive(t, ran)); got != "other" {
		t.Errorf("%s ran too", got)
	}
}

func uniqueBatch(t *testing.T, f *fixture) {
	began, end := gated(f)
	later := f.Clock.Now().Add(time.Hour)
	f.enqueue(item("a", queue.Options{Key: "k", Unique: "u", RunAt: later}), item("b", queue.Options{Key: "k"}),
		item("c", queue.Options{Key: "other", Unique: "u"}), item("d", queue.Options{Key: "other"}))
	got := map[string]bool{nameOf(receive(t, began)): true, nameOf(receive(t, began)): true}
	if diff := cmp.Diff(map[string]bool{"a": true, "d": true}, got); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	end <- nil
	end <- nil
	if got := nameOf(receive(t, began)); got != "b" {
		t.Errorf("then %s ran, want b", got)
	}
	end <- nil
}

func uniquePlace(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("a", queue.Options{Key: "k"}), item("b", queue.Options{Key: "k", Unique: "u"}), item("c", queue.Options{Key: "k"}))
	f.enqueue(item("b again", queue.Options{Key: "k", Unique: "u"}), item("d", queue.Options{Key: "k"}))
	var got []string
	for range 4 {
		got = append(got, nameOf(receive(t, began)))
		end <- nil
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func uniqueRunning(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("first", queue.Options{Unique: "u"}))
	receive(t, began)
	f.enqueue(item("second", queue.Options{Unique: "u"}))
	if got := nameOf(receive(t, began)); got != "second" {
		t.Errorf("%s ran", got)
	}
	end <- nil
	end <- nil
}

func uniqueMerge(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("first", queue.Options{Key: "k", Unique: "u"}))
	receive(t, began)
	f.enqueue(item("between", queue.Options{Key: "k"}), item("second", queue.Options{Key: "k", Unique: "u"}))
	end <- errTest
	if got := nameOf(receive(t, began)); got != "between" {
		t.Errorf("after the merge %s ran, want the next of the key", got)
	}
	end <- nil
	got := receive(t, began)
	if nameOf(got) != "second" || got.Attempt != 2 || got.LastError != errTest.Error() {
		t.Errorf("then %s ran, attempt %d after %q, want the second with the attempt of the first", nameOf(got), got.Attempt, got.LastError)
	}
	end <- nil
}

func uniqueMergeOtherKey(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("first", queue.Options{Key: "k", Unique: "u"}))
	receive(t, began)
	f.enqueue(item("next", queue.Options{Key: "k"}), item("twin", queue.Options{Unique: "u", RunAt: f.Clock.Now().Add(time.Hour)}))
	end <- queue.Snooze(f.Clock.Now().Add(30*time.Minute), nil)
	if got := nameOf(receive(t, began)); got != "next" {
		t.Fatalf("%s ran, want next", got)
	}
	end <- nil
	f.Clock.Advance(30 * time.Minute)
	if got := receive(t, began); nameOf(got) != "twin" || got.Attempt != 1 {
		t.Errorf("%s ran, attempt %d, want twin at the earlier of both moments", nameOf(got), got.Attempt)
	}
	end <- nil
}

func retryFolds(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("dead", queue.Options{Key: "k", Unique: "u"}), item("probe", queue.Options{Key: "k"}))
	receive(t, began)
	end <- queue.Permanent(errTest)
	receive(t, began)
	end <- nil
	f.enqueue(item("twin", queue.Options{Unique: "u", RunAt: f.Clock.Now().Add(time.Hour)}))
	dead := f.dead()
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	if err := f.Queue.Retry(context.Background(), dead[0].ID); err != nil {
		t.Fatalf("retry: %v", err)
	}
	if got := nameOf(receive(t, began)); got != "twin" {
		t.Errorf("%s ran, want twin, brought forward", got)
	}
	end <- nil
	if dead := f.dead(); len(dead) != 0 {
		t.Errorf("still %d dead letters", len(dead))
	}
}

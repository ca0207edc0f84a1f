package queuetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
)

func timeout(t *testing.T, f *fixture) {
	began, next := make(chan struct{}), make(chan queue.Job, 1)
	f.startWorker(queue.Worker{Timeout: time.Minute, Work: func(ctx context.Context, j queue.Job) error {
		if j.Attempt > 1 {
			next <- j
			return nil
		}
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}})
	f.enqueue(item("slow", queue.Options{}))
	receive(t, began)
	f.Clock.Advance(time.Minute)
	if got := passTime(f, next); got.Attempt != 2 || !strings.Contains(got.LastError, "timed out after 1m0s") {
		t.Errorf("attempt %d after %q", got.Attempt, got.LastError)
	}
}

func panics(t *testing.T, f *fixture) {
	next := make(chan queue.Job, 1)
	f.start(func(_ context.Context, j queue.Job) error {
		if j.Attempt == 1 {
			explode(100)
		}
		next <- j
		return nil
	})
	f.enqueue(item("x", queue.Options{}))
	got := passTime(f, next)
	if got.Attempt != 2 || !strings.HasPrefix(got.LastError, "panic: boom") || !strings.Contains(got.LastError, "queuetest.explode") {
		t.Errorf("attempt %d after %q, want a panic with its stack", got.Attempt, got.LastError)
	}
	if len(got.LastError) > 8<<10 {
		t.Errorf("the stored stack has %d bytes", len(got.LastError))
	}
}

// explode panics under a deep stack.
func explode(depth int) {
	if depth == 0 {
		panic("boom")
	}
	explode(depth - 1)
}

func goexit(t *testing.T, f *fixture) {
	next := make(chan queue.Job, 1)
	f.start(func(_ context.Context, j queue.Job) error {
		if j.Attempt == 1 {
			runtime.Goexit()
		}
		next <- j
		return nil
	})
	f.enqueue(item("x", queue.Options{}))
	if got := passTime(f, next); got.Attempt != 2 || got.LastError == "" {
		t.Errorf("attempt %d after %q", got.Attempt, got.LastError)
	}
}

func verdicts(t *testing.T, f *fixture) {
	var (
		errGiveUp, errDrop = errors.New("give up"), errors.New("drop")
		errSnooze          = errors.New("snooze")
		until              = f.Clock.Now().Add(3 * time.Hour)
		finished           = make(chan queue.Job, 10)
	)
	f.Classify = func(err error) queue.Verdict {
		switch {
		case errors.Is(err, errGiveUp):
			return queue.Verdict{Action: queue.GiveUp}
		case errors.Is(err, errDrop):
			return queue.Verdict{Action: queue.Drop}
		case errors.Is(err, errSnooze):
			return queue.Verdict{Action: queue.SnoozeUntil, Until: until}
		}
		t.Errorf("the classifier was asked about %v", err)
		return queue.Verdict{}
	}
	f.start(func(_ context.Context, j queue.Job) error {
		switch name := nameOf(j); {
		case name == "give up":
			return errGiveUp
		case name == "drop":
			return errDrop
		case name == "permanent":
			return queue.Permanent(errTest)
		case name == "snooze" && j.LastError == "":
			return errSnooze
		}
		finished <- j
		return nil
	})
	for _, name := range []string{"give up", "drop", "permanent", "snooze"} {
		f.enqueue(item(name, queue.Options{Key: name}), item("after "+name, queue.Options{Key: name}))
	}
	got := map[string]bool{}
	for _, j := range receiveN(t, finished, 3) { // all but the one behind the snoozed job, without time passing
		got[nameOf(j)] = true
	}
	if diff := cmp.Diff(map[string]bool{"after give up": true, "after drop": true, "after permanent": true}, got); diff != "" {
		t.Errorf("finished (-want +got):\n%s", diff)
	}
	if s := passTime(f, finished); nameOf(s) != "snooze" || s.Attempt != 1 || s.StartedAt.Before(until) {
		t.Errorf("%s ran, attempt %d, at %s, want snooze, attempt 1, not before %s", nameOf(s), s.Attempt, s.StartedAt, until)
	}
	if got := nameOf(receive(t, finished)); got != "after snooze" {
		t.Errorf("%s ran", got)
	}
	letters := map[string]string{}
	for _, j := range f.dead() {
		letters[nameOf(j)] = j.LastError
	}
	if diff := cmp.Diff(map[string]string{"give up": "give up", "permanent": "it failed"}, letters); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

func attemptsRunOut(t *testing.T, f *fixture) {
	attempts, probe := make(chan int, 10), make(chan struct{}, 2)
	f.start(func(_ context.Context, j queue.Job) error {
		if nameOf(j) == "probe" {
			probe <- struct{}{}
			return nil
		}
		attempts <- j.Attempt
		return errTest
	})
	f.enqueue(item("bad", queue.Options{Key: "k", MaxAttempts: 3}), item("probe", queue.Options{Key: "k"}))
	passTime(f, probe)
	if diff := cmp.Diff([]int{1, 2, 3}, receiveN(t, attempts, 3)); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	dead := f.dead()
	if len(dead) != 1 || dead[0].State != queue.Dead || dead[0].Attempt != 3 || dead[0].LastError != errTest.Error() {
		t.Fatalf("dead letters %+v", dead)
	}
	if err := f.Queue.Retry(context.Background(), dead[0].ID); err != nil {
		t.Fatalf("retry: %v", err)
	}
	if got := receive(t, attempts); got != 1 {
		t.Errorf("after the retry attempt %d", got)
	}
}

func retryNotDead(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("running", queue.Options{}))
	for _, id := range []int64{receive(t, began).ID, 0, -1, 1 << 40} {
		if err := f.Queue.Retry(context.Background(), id); !errors.Is(err, queue.ErrNotDead) {
			t.Errorf("retry of %d: %v", id, err)
		}
	}
	end <- nil
}

type orphan struct{}

func (orphan) Kind() string { return "test.orphan" }

func unknownKind(t *testing.T, f *fixture) {
	probe := make(chan struct{}, 1)
	f.start(func(context.Context, queue.Job) error { probe <- struct{}{}; return nil })
	f.enqueue(queue.Item{Args: orphan{}, Options: queue.Options{Key: "k"}}, item("probe", queue.Options{Key: "k"}))
	receive(t, probe)
	dead := f.dead()
	if len(dead) != 1 || dead[0].Kind != "test.orphan" || !strings.Contains(dead[0].LastError, "test.orphan") {
		t.Errorf("dead letters %+v", dead)
	}
}

func drainWaits(t *testing.T, f *fixture) {
	began, end := gated(f)
	f.enqueue(item("running", queue.Options{Key: "k"}), item("waiting", queue.Options{Key: "k"}))
	receive(t, began)
	drained := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() { drained <- f.Queue.Drain(ctx) }()
	end <- nil
	if err := receive(t, drained); err != nil {
		t.Fatalf("drain: %v", err)
	}
	f.enqueue(item("after", queue.Options{}))
	if diff := cmp.Diff(2, f.stats().Available); diff != "" {
		t.Errorf("available after the drain (-want +got):\n%s", diff)
	}
	f.stop()
	began, end = gated(f)
	got := map[string]bool{nameOf(receive(t, began)): true, nameOf(receive(t, began)): true}
	if diff := cmp.Diff(map[string]bool{"waiting": true, "after": true}, got); diff != "" {
		t.Errorf("ran in the next process (-want +got):\n%s", diff)
	}
	end <- nil
	end <- nil
}

func drainHandsBack(t *testing.T, f *fixture) {
	began, _ := gated(f)
	f.enqueue(item("running", queue.Options{MaxAttempts: 1}))
	receive(t, began)
	f.stop() // out of patience at once
	began, end := gated(f)
	if got := receive(t, began); got.Attempt != 1 || got.Crashes != 0 || got.LastError != "" {
		t.Errorf("attempt %d, %d crashes, last error %q, want as if it had never begun", got.Attempt, got.Crashes, got.LastError)
	}
	end <- nil
}

func killed(t *testing.T, f *fixture) {
	began, _ := gated(f)
	f.enqueue(item("running", queue.Options{Key: "k", MaxAttempts: 1}), item("waiting", queue.Options{Key: "k"}))
	receive(t, began)
	f.kill()
	began, end := gated(f)
	if got := receive(t, began); nameOf(got) != "running" || got.Attempt != 1 || got.Crashes != 1 {
		t.Errorf("%s ran, attempt %d, %d crashes, want running, 1, 1", nameOf(got), got.Attempt, got.Crashes)
	}
	end <- nil
	if got := nameOf(receive(t, began)); got != "waiting" {
		t.Errorf("then %s ran", got)
	}
	end <- nil
}

func killer(t *testing.T, f *fixture) {
	began, _ := gated(f)
	f.enqueue(item("killer", queue.Options{Key: "k"}), item("next", queue.Options{Key: "k"}))
	for deaths := range queue.MaxCrashes {
		// The first ones may have been somebody else's fault: no waiting.
		var got queue.Job
		if deaths <= queue.CrashPatience {
			got = receive(t, began)
		} else {
			got = passTime(f, began)
		}
		if nameOf(got) != "killer" || got.Crashes != deaths {
			t.Fatalf("%s ran after %d crashes, want the killer after %d", nameOf(got), got.Crashes, deaths)
		}
		f.kill()
		began, _ = gated(f)
	}
	if got := nameOf(receive(t, began)); got != "next" {
		t.Errorf("%s ran, want what waited behind the killer", got)
	}
	dead := f.dead()
	if want := fmt.Sprintf("the process died %d times while it ran", queue.MaxCrashes); len(dead) != 1 || dead[0].LastError != want {
		t.Errorf("dead letters %+v, want one because %s", dead, want)
	}
}

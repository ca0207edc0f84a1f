// Package queuetest is what every implementation of queue.Queue must do. It
// knows the interface only; an implementation brings a function that opens it
// and calls [Run].
//
// The clock is fake and stands still unless a test moves it, so whatever runs
// without that was woken, not polled for.
package queuetest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Env is what an implementation is opened with.
type Env struct {
	Dir      string // of the database; opened again, the jobs are still there
	Clock    *clockwork.FakeClock
	Workers  int
	Classify queue.Classify
}

// Opened is an implementation that has not been started.
type Opened struct {
	Queue queue.Queue
	Store *store.Store
	// Kill ends both as the death of the process would: from now on nothing is
	// written.
	Kill func()
}

// Open opens an implementation.
type Open func(t *testing.T, env Env) Opened

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *fixture){
		"a rolled back job does not exist":           rolledBack,
		"a committed job runs without polling":       runsAfterCommit,
		"a batch runs completely":                    runsBatch,
		"one key runs in order":                      keyOrder,
		"a dead head lets its key go on":             keyBehindDead,
		"different keys run in parallel":             parallelKeys,
		"no more jobs run than there are workers":    workersBound,
		"one hundred wake-ups at once fold":          uniqueConcurrent,
		"folding brings forward, never back":         uniqueRunAt,
		"folding within one batch":                   uniqueBatch,
		"a folded job keeps its place":               uniquePlace,
		"a running job absorbs nothing":              uniqueRunning,
		"a failed job merges into its pending twin":  uniqueMerge,
		"a merged job leaves its key to the next":    uniqueMergeOtherKey,
		"a job does not run before its time":         runAt,
		"a time-out ends the attempt and counts":     timeout,
		"a panic is an attempt, with its stack":      panics,
		"a goroutine that ends itself is an attempt": goexit,
		"verdicts": verdicts,
		"attempts run out and can be given again":      attemptsRunOut,
		"retrying what is not dead is an error":        retryNotDead,
		"retrying folds into a pending twin":           retryFolds,
		"an unknown kind is a dead letter":             unknownKind,
		"a drain waits and takes nothing new":          drainWaits,
		"a drain without patience hands back":          drainHandsBack,
		"a killed process leaves its jobs to the next": killed,
		"a job that kills again and again is dead":     killer,
		"hostile text is stored and comes back":        hostileText,
		"stats count":                                  stats,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fixture{t: t, open: open, Env: Env{
				Dir: t.TempDir(), Clock: clockwork.NewFakeClockAt(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Workers: 8,
			}}
			t.Cleanup(f.stop)
			test(t, f)
		})
	}
}

// patience is the outer bound of every wait, in real time.
const patience = 20 * time.Second

// wall is the real clock, for patience only.
var wall = clockwork.NewRealClock()

// task is the job of this suite.
type task struct {
	Name string `json:"name"`
}

func (task) Kind() string { return "test.task" }

func nameOf(j queue.Job) string {
	var a task
	if err := json.Unmarshal(j.Args, &a); err != nil {
		return "undecodable: " + err.Error()
	}
	return a.Name
}

func item(name string, o queue.Options) queue.Item { return queue.Item{Args: task{name}, Options: o} }

// fixture is one opened implementation.
type fixture struct {
	Env
	Opened
	t       *testing.T
	open    Open
	stopped bool
}

// start opens (again) and starts with work as the worker of all tasks.
func (f *fixture) start(work queue.Work) {
	f.t.Helper()
	f.startWorker(queue.Worker{Work: work})
}

func (f *fixture) startWorker(w queue.Worker) {
	f.t.Helper()
	f.prepare(w)
	if err := f.Queue.Start(context.Background()); err != nil {
		f.t.Fatalf("start: %v", err)
	}
}

// prepare opens without starting.
func (f *fixture) prepare(w queue.Worker) {
	f.t.Helper()
	f.Opened, f.stopped = f.open(f.t, f.Env), false
	f.Queue.Handle(task{}.Kind(), w)
}

// stop drains and closes.
func (f *fixture) stop() {
	if f.stopped || f.Queue == nil {
		return
	}
	f.stopped = true
	if err := f.Queue.Drain(ended()); err != nil {
		f.t.Errorf("drain: %v", err)
	}
	if err := f.Store.Close(); err != nil {
		f.t.Errorf("close: %v", err)
	}
}

func (f *fixture) kill() {
	f.stopped = true
	f.Kill()
}

func (f *fixture) enqueue(items ...queue.Item) {
	f.t.Helper()
	if err := f.tryEnqueue(items...); err != nil {
		f.t.Fatalf("enqueue: %v", err)
	}
}

func (f *fixture) tryEnqueue(items ...queue.Item) error {
	return f.Store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		return f.Queue.Enqueue(ctx, tx, items...)
	})
}

func (f *fixture) stats() queue.Stats {
	f.t.Helper()
	s, err := f.Queue.Stats(context.Background())
	if err != nil {
		f.t.Fatalf("stats: %v", err)
	}
	return s
}

func (f *fixture) dead() []queue.Job {
	f.t.Helper()
	jobs, err := f.Queue.DeadLetters(context.Background(), 100)
	if err != nil {
		f.t.Fatalf("dead letters: %v", err)
	}
	return jobs
}

// passTime lets hours pass until something comes out of ch. It cannot just
// advance once: when a failed attempt's row is written is the implementation's
// business, and the moment of the next one counts from there.
func passTime[T any](f *fixture, ch <-chan T) T {
	f.t.Helper()
	deadline := wall.After(patience)
	tick := wall.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case v := <-ch:
			return v
		case <-deadline:
			f.t.Fatal("nothing happened, however much time passed")
		case <-tick.Chan():
			f.Clock.Advance(time.Hour)
		}
	}
}

// receive waits for ch without moving the clock.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-wall.After(patience):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func receiveN[T any](t *testing.T, ch <-chan T, n int) []T {
	t.Helper()
	all := make([]T, 0, n)
	for range n {
		all = append(all, receive(t, ch))
	}
	return all
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// gauge knows the highest number of holders at once.
type gauge struct {
	mu        sync.Mutex
	now, peak int
}

func (g *gauge) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.peak = max(g.peak, g.now)
}

func (g *gauge) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
}

// Package embedded is the queue for one process: jobs live in the table jobs of
// the store, next to the rows that made them necessary.
//
// One goroutine, the dispatcher, does all bookkeeping. It sleeps until a commit
// with new jobs, the end of a job or the next RunAt wakes it, and then writes
// in one transaction how the jobs that ended since went and takes as many new
// ones as there are free workers. So an idle queue does nothing at all, and
// under load one fsync serves all workers. Nobody polls.
package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Config of a queue.
type Config struct {
	Store *store.Store    // required
	Clock clockwork.Clock // nil means the real one
	Log   zerolog.Logger  // jobs get it with their kind and id in their context
	// Workers is how many jobs run at once; 0 means [DefaultWorkers].
	Workers int
	// Classify judges the errors of jobs; nil retries all of them.
	Classify queue.Classify
	// Registerer receives the metrics; nil means none.
	Registerer prometheus.Registerer
	// Grace is how long a job may take to return after its context was
	// cancelled by a drain; 0 means [DefaultGrace].
	Grace time.Duration
}

// Defaults of [Config].
const (
	DefaultWorkers = 16 // they mostly wait for GitHub
	DefaultGrace   = 5 * time.Second
)

// Queue implements [queue.Queue].
type Queue struct {
	cfg     Config
	metrics *metrics
	workers map[string]queue.Worker

	base    context.Context // of all jobs; ends when a drain runs out of patience
	cancel  context.CancelCauseFunc
	wake    chan struct{} // capacity 1: "look again"
	hurry   chan struct{} // closed: a drain does not wait for back-offs any more
	stopped chan struct{} // closed when the dispatcher has ended
	latest  atomic.Int64  // the latest time that was read since the clock was last set back, in ms

	mu       sync.Mutex
	started  bool
	draining bool
	quit     bool                // what still runs is given up
	running  map[int64]store.Job // taken and neither ended nor given up
	ended    []store.Job         // ended, not yet written
	left     error               // why the drain was incomplete
}

var _ queue.Queue = (*Queue)(nil)

// New makes a queue that does nothing until Start, except that jobs can be
// enqueued. It fails when the metrics are registered already.
func New(cfg Config) (*Queue, error) {
	if cfg.Store == nil {
		return nil, errors.New("make queue: no store")
	}
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Workers <= 0 {
		cfg.Workers = DefaultWorkers
	}
	if cfg.Grace <= 0 {
		cfg.Grace = DefaultGrace
	}
	if cfg.Classify == nil {
		cfg.Classify = func(error) queue.Verdict { return queue.Verdict{Action: queue.Retry} }
	}
	q := &Queue{
		cfg:     cfg,
		workers: map[string]queue.Worker{},
		wake:    make(chan struct{}, 1),
		hurry:   make(chan struct{}),
		stopped: make(chan struct{}),
		running: map[int64]store.Job{},
	}
	q.metrics = newMetrics(q)
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(q.metrics); err != nil {
			return nil, fmt.Errorf("register queue metrics: %w", err)
		}
	}
	return q, nil
}

// Handle implements [queue.Queue]. It panics after Start and on a second
// worker for a kind, both of which are mistakes in the wiring.
func (q *Queue) Handle(kind string, w queue.Worker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started {
		panic("queue: Handle(" + kind + ") after Start")
	}
	if _, ok := q.workers[kind]; ok || w.Work == nil {
		panic("queue: Handle(" + kind + ") twice or without Work")
	}
	if w.Timeout <= 0 {
		w.Timeout = queue.DefaultTimeout
	}
	q.workers[kind] = w
}

// Enqueue implements [queue.Enqueuer].
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, items ...queue.Item) error {
	if len(items) == 0 {
		return nil
	}
	now := q.now()
	jobs := make([]store.Job, 0, len(items))
	for _, it := range items {
		j, err := row(it, now)
		if err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	if err := tx.AddJobs(ctx, now, jobs); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	tx.OnCommit(q.signal)
	return nil
}

func row(it queue.Item, now store.Millis) (store.Job, error) {
	if it.Args == nil || it.Args.Kind() == "" {
		return store.Job{}, errors.New("enqueue: job without a kind")
	}
	args, err := json.Marshal(it.Args)
	if err != nil {
		return store.Job{}, fmt.Errorf("enqueue %s: %w", it.Args.Kind(), err)
	}
	o := it.Options
	if o.MaxAttempts < 0 {
		return store.Job{}, fmt.Errorf("enqueue %s: %d attempts", it.Args.Kind(), o.MaxAttempts)
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = queue.DefaultMaxAttempts
	}
	at := now
	if !o.RunAt.IsZero() {
		at = max(at, roundUp(o.RunAt))
	}
	return store.Job{
		Kind: it.Args.Kind(), Args: string(args), Key: o.Key, Unique: o.Unique,
		RunAt: at, MaxAttempts: o.MaxAttempts,
	}, nil
}

// roundUp converts a moment before which nothing may happen.
func roundUp(t time.Time) store.Millis {
	return store.MillisOf(t.Add(time.Millisecond - 1))
}

// DeadLetters implements [queue.Queue].
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]queue.Job, error) {
	rows, err := q.cfg.Store.DeadJobs(ctx, limit)
	if err != nil {
		return nil, err
	}
	jobs := make([]queue.Job, 0, len(rows))
	for _, r := range rows {
		jobs = append(jobs, job(r))
	}
	return jobs, nil
}

// Retry implements [queue.Queue].
func (q *Queue) Retry(ctx context.Context, id int64) error {
	return q.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		ok, err := tx.RetryJob(ctx, q.now(), id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("retry job %d: %w", id, queue.ErrNotDead)
		}
		tx.OnCommit(q.signal)
		return nil
	})
}

// Stats implements [queue.Queue].
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	c, err := q.cfg.Store.CountJobs(ctx, store.MillisOf(q.cfg.Clock.Now()))
	if err != nil {
		return queue.Stats{}, err
	}
	q.mu.Lock()
	running := len(q.running) + len(q.ended)
	q.mu.Unlock()
	return queue.Stats{
		Available: c.Available, Waiting: c.Waiting, Running: running, Dead: c.Dead,
		OldestReady: c.OldestReady.Time(),
	}, nil
}

// signal makes the dispatcher look again. It never blocks: one pending signal
// covers everything that is committed by then.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func job(r store.Job) queue.Job {
	return queue.Job{
		ID: r.ID, Kind: r.Kind, Args: json.RawMessage(r.Args), Key: r.Key, Unique: r.Unique,
		State: queue.State(r.State), RunAt: r.RunAt.Time(), Attempt: r.Attempt, MaxAttempts: r.MaxAttempts,
		Crashes: r.Crashes, CreatedAt: r.CreatedAt.Time(), StartedAt: r.StartedAt.Time(), LastError: r.LastError,
	}
}

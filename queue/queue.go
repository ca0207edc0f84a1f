// Package queue is the durable work queue: a job is enqueued in the
// transaction that makes it necessary and runs at least once after the commit.
// Our own tables are the truth; a job is only the wake-up that makes someone
// look at them, so every worker must be idempotent.
//
// The implementation in [queue/embedded] keeps jobs in the same SQLite file as
// everything else. Another one must pass the suite in [queue/queuetest].
package queue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Args are the arguments of one kind of job. They are stored as JSON, so
// exported fields are all that survives.
type Args interface {
	// Kind names the worker, in lower case with dots: "run.observe". It is
	// stored; renaming a kind orphans the jobs that wait under the old name.
	Kind() string
}

// Options say when and beside what a job may run. The zero value is: now, in
// parallel with everything, as often as it is enqueued.
type Options struct {
	// Key serialises: jobs with the same key run one at a time, in the order
	// in which they were enqueued. A job that is snoozed or waits for its next
	// attempt keeps its place, so those behind it wait too.
	Key string
	// Unique folds wake-ups: while a job with the same value has not begun,
	// enqueueing another only brings that one's RunAt forward (never back) and
	// leaves its arguments. A job that already runs does not count, because it
	// may have looked before this wake-up's cause was there.
	Unique string
	// RunAt is the earliest start. Zero means at once.
	RunAt time.Time
	// MaxAttempts ends in a dead letter; 0 means [DefaultMaxAttempts]. Snoozes
	// and hand-backs at shutdown do not count.
	MaxAttempts int
}

// DefaultMaxAttempts with the back-off of [Backoff] keeps trying for about
// three hours on average.
const DefaultMaxAttempts = 16

// Item is one job to enqueue.
type Item struct {
	Args    Args
	Options Options
}

// Enqueuer is what producers need.
type Enqueuer interface {
	// Enqueue adds items in tx. They become visible to workers when tx
	// commits, without polling, and do not exist when it does not.
	Enqueue(ctx context.Context, tx *store.Tx, items ...Item) error
}

// Job is a job as its worker and the operator see it.
type Job struct {
	ID          int64
	Kind        string
	Args        json.RawMessage
	Key         string
	Unique      string
	State       State
	RunAt       time.Time
	Attempt     int // 1 on the first
	MaxAttempts int
	Crashes     int
	CreatedAt   time.Time
	StartedAt   time.Time
	LastError   string
}

// State of a job. A job that is done has no row and no state.
type State string

// The states of a job.
const (
	Available State = "available" // may start at RunAt
	Waiting   State = "waiting"   // behind an earlier job of its key
	Running   State = "running"
	Dead      State = "dead" // gave up; kept until retried or deleted by a person
)

// Work does one job. A nil error finishes it. [Snooze] puts it off without
// counting the attempt, [Permanent] makes it a dead letter at once, any other
// error goes through the queue's classifier and is retried with [Backoff]. The
// context ends at the kind's timeout and when a drain runs out of patience; a
// job that then returns the context's error is handed back, not counted.
type Work func(ctx context.Context, job Job) error

// Worker runs the jobs of one kind.
type Worker struct {
	Work    Work
	Timeout time.Duration // of one attempt; 0 means [DefaultTimeout]
}

// DefaultTimeout of one attempt.
const DefaultTimeout = 2 * time.Minute

// Stats are counts for metrics and readiness.
type Stats struct {
	Available, Waiting, Running, Dead int
	OldestReady                       time.Time // RunAt of the oldest job that could run now; zero when none
}

// Queue is a running queue.
type Queue interface {
	Enqueuer
	// Handle registers the worker of a kind. All must be registered before Start.
	Handle(kind string, w Worker)
	// Start makes jobs that ran when the last process died ready again and
	// begins to work. It returns at once.
	Start(ctx context.Context) error
	// Drain stops taking jobs, waits for the running ones until ctx ends, then
	// cancels them and hands back what is left. It returns nil when nothing
	// runs any more. Enqueue keeps working.
	Drain(ctx context.Context) error
	// DeadLetters lists jobs that gave up, newest first.
	DeadLetters(ctx context.Context, limit int) ([]Job, error)
	// Retry makes a dead letter available again with all its attempts.
	// [ErrNotDead] when id is not one.
	Retry(ctx context.Context, id int64) error
	// Stats counts.
	Stats(ctx context.Context) (Stats, error)
}

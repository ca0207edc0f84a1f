package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// maxError bounds last_error in bytes: a stack and an answer of GitHub fit,
	// a page of HTML in a loop of retries does not fill the disk.
	maxError = 8 << 10
	// minSnooze keeps a classifier whose moment has passed (GitHub's clock and
	// ours differ) from making a loop of calls.
	minSnooze = time.Second
)

// handBackAction is the verdict on a job that a drain has cancelled: whatever
// it returned is most likely our own doing.
const handBackAction queue.Action = -1

// panicError is a panic of a worker.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.value, e.stack) }

// errGoexit is what is left of a worker that ended its goroutine.
var errGoexit = errors.New("the worker ended its goroutine (runtime.Goexit)")

// run does one attempt and hands its end to the dispatcher.
func (q *Queue) run(j store.Job) {
	log := q.cfg.Log.With().Str("kind", j.Kind).Int64("job", j.ID).Int("attempt", j.Attempt).Logger()
	w, err := q.worker(j)
	if err != nil {
		log.Error().Err(err).Msg("job is a dead letter")
		j.State, j.LastError = store.JobDead, err.Error()
		q.finish(j, outcomeDead)
		return
	}
	begun := q.cfg.Clock.Now()
	verdict, err := queue.Verdict{Action: queue.Retry, Reason: "panic"}, errGoexit
	defer func() { // deferred, because a Goexit gets no further than that
		end, outcome := q.settle(j, verdict, err)
		report(log, end, outcome, verdict, err)
		q.metrics.duration.WithLabelValues(j.Kind).Observe(q.cfg.Clock.Since(begun).Seconds())
		q.finish(end, outcome)
	}()
	verdict, err = q.attempt(log.WithContext(q.base), w, j)
}

// finish gives j to the dispatcher to write.
func (q *Queue) finish(j store.Job, outcome string) {
	q.metrics.attempts.WithLabelValues(q.label(j.Kind), outcome).Inc()
	q.mu.Lock()
	if _, ok := q.running[j.ID]; ok { // else a drain has handed it back already
		delete(q.running, j.ID)
		q.ended = append(q.ended, j)
	}
	q.mu.Unlock()
	q.signal()
}

// worker finds who does j. Its errors are for good: the row will not mend.
func (q *Queue) worker(j store.Job) (queue.Worker, error) {
	w, ok := q.workers[j.Kind]
	if !ok {
		return w, fmt.Errorf("no worker for the kind %q in this version", j.Kind)
	}
	if !json.Valid([]byte(j.Args)) {
		return w, errors.New("the stored arguments are not JSON")
	}
	return w, nil
}

// attempt calls the worker and the classifier, and survives both.
func (q *Queue) attempt(ctx context.Context, w queue.Worker, j store.Job) (v queue.Verdict, err error) {
	// Not clockwork.WithTimeout: the Err of its fake contexts blocks (v0.5.0).
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := q.cfg.Clock.AfterFunc(w.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()
	defer func() {
		if value := recover(); value != nil {
			v, err = queue.Verdict{Action: queue.Retry, Reason: "panic"}, &panicError{value: value, stack: debug.Stack()}
		}
	}()
	err = w.Work(ctx, job(j))
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, context.DeadlineExceeded) {
		err = fmt.Errorf("timed out after %s: %w: %w", w.Timeout, cause, err)
	}
	return q.judge(err), err
}

// judge turns what a worker returned into a verdict.
func (q *Queue) judge(err error) queue.Verdict {
	var (
		snooze    *queue.SnoozeError
		permanent *queue.PermanentError
	)
	switch {
	case err == nil:
		return queue.Verdict{Action: queue.Drop}
	case errors.As(err, &snooze):
		return queue.Verdict{Action: queue.SnoozeUntil, Until: snooze.Until, Reason: "the job asked for it"}
	case errors.As(err, &permanent):
		return queue.Verdict{Action: queue.GiveUp, Reason: "permanent"}
	case q.drained():
		return queue.Verdict{Action: handBackAction, Reason: "shutdown"}
	}
	v := q.cfg.Classify(err)
	if floor := q.cfg.Clock.Now().Add(minSnooze); v.Action == queue.SnoozeUntil && v.Until.Before(floor) {
		v.Until = floor
	}
	return v
}

// drained reports whether a drain has cancelled the jobs.
func (q *Queue) drained() bool { return errors.Is(context.Cause(q.base), errDrained) }

// settle says what becomes of the row. Crashes in a row end with any attempt
// that came back.
func (q *Queue) settle(j store.Job, v queue.Verdict, err error) (store.Job, string) {
	if err == nil {
		j.State = ""
		return j, outcomeDone
	}
	var caught *panicError
	if v.Action == handBackAction {
		return handBack(j), outcomeHandedBack
	}
	j.Crashes = 0
	j.LastError = bounded(err.Error())
	switch {
	case v.Action == queue.Drop:
		j.State = ""
		return j, outcomeDropped
	case v.Action == queue.SnoozeUntil:
		j.State, j.RunAt, j.Attempt = store.JobAvailable, roundUp(v.Until), max(j.Attempt-1, 0)
		j.SetAt = max(q.now(), j.StartedAt) // the worker may have asked a clock that was set back since
		return j, outcomeSnoozed
	case v.Action == queue.GiveUp, j.Attempt >= j.MaxAttempts:
		j.State = store.JobDead
		return j, outcomeDead
	}
	j.State, j.SetAt = store.JobAvailable, q.now()
	j.RunAt = roundUp(j.SetAt.Time().Add(queue.Backoff(j.Attempt)))
	if errors.As(err, &caught) || errors.Is(err, errGoexit) {
		return j, outcomePanicked
	}
	return j, outcomeRetried
}

func bounded(s string) string {
	if len(s) <= maxError {
		return s
	}
	const mark = "\n[cut]"
	return s[:maxError-len(mark)] + mark
}

func report(log zerolog.Logger, j store.Job, outcome string, v queue.Verdict, err error) {
	level := zerolog.DebugLevel
	switch outcome {
	case outcomeRetried:
		level = zerolog.WarnLevel
	case outcomeDead, outcomePanicked:
		level = zerolog.ErrorLevel
	}
	e := log.WithLevel(level).Str("outcome", outcome).Str("reason", v.Reason)
	if err != nil {
		e = e.Err(err)
	}
	if j.State == store.JobAvailable {
		e = e.Time("run_at", j.RunAt.Time())
	}
	e.Msg("job attempted")
}

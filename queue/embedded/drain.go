package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// errDrained is the cause of the cancellation of jobs by a drain.
var errDrained = errors.New("the queue is shutting down")

// Drain implements [queue.Queue]. A job that does not return within the grace
// period after its cancellation is handed back while it still runs, and Drain
// returns an error: the process should exit now. A queue that is drained
// cannot be started again.
func (q *Queue) Drain(ctx context.Context) error {
	q.mu.Lock()
	q.draining = true
	started := q.started
	q.mu.Unlock()
	if !started {
		return nil
	}
	q.signal()
	select {
	case <-q.stopped:
		return q.leftover()
	case <-ctx.Done():
	}
	q.cancel(errDrained)
	timer := q.cfg.Clock.NewTimer(q.cfg.Grace)
	defer timer.Stop()
	select {
	case <-q.stopped:
	case <-timer.Chan():
		q.abandon()
		<-q.stopped
	}
	return q.leftover()
}

// abandon hands back the jobs that still run and lets the dispatcher make one
// last attempt to write what is unwritten.
func (q *Queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.quit {
		return
	}
	q.quit = true
	if n := len(q.running); n > 0 {
		q.left = fmt.Errorf("drain queue: %d jobs go on although they were cancelled", n)
	}
	for id, j := range q.running {
		q.ended = append(q.ended, handBack(j))
		delete(q.running, id)
	}
	close(q.hurry)
	q.signal()
}

// lastRound is the end of a drain while the database cannot be written. What
// it cannot write stays "running" there and is revived by the next Start.
func (q *Queue) lastRound() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.base), lastWrite)
	defer cancel()
	if _, err := q.round(ctx); err != nil {
		q.mu.Lock()
		q.left = errors.Join(q.left, fmt.Errorf("drain queue: %d jobs not written: %w", len(q.ended), err))
		q.mu.Unlock()
	}
}

func (q *Queue) leftover() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left
}

// handBack is j as if it had not been taken.
func handBack(j store.Job) store.Job {
	j.State = store.JobAvailable
	j.Attempt = max(j.Attempt-1, 0)
	return j
}

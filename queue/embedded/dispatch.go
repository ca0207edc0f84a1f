package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// recheck bounds the timer for the next RunAt. Timers count monotonic
	// time, which stands still while the host sleeps and does not see that
	// somebody set the clock.
	recheck = time.Minute
	// Back-off of the bookkeeping itself while the database cannot be written
	// (disk full): full jitter, as for jobs.
	writeBackoffBase = 100 * time.Millisecond
	writeBackoffCap  = 30 * time.Second
	// lastWrite bounds the one attempt that is left when a drain gives up.
	lastWrite = 2 * time.Second
)

// Start implements [queue.Queue]. The end of ctx does not stop the queue, only
// Drain does: jobs that run at a shutdown are to be finished or handed back.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.draining {
		return fmt.Errorf("start queue: started before")
	}
	if err := q.cfg.Store.Update(ctx, q.revive); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	q.base, q.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	q.started = true
	go q.dispatch()
	return nil
}

// revive ends the jobs that were running when the last process died.
func (q *Queue) revive(ctx context.Context, tx *store.Tx) error {
	jobs, err := tx.RunningJobs(ctx)
	if err != nil {
		return err
	}
	for i := range jobs {
		j := &jobs[i]
		j.Crashes++
		j.Attempt = max(j.Attempt-1, 0)
		j.State = store.JobAvailable
		switch {
		case j.Crashes >= queue.MaxCrashes:
			j.State = store.JobDead
			j.LastError = fmt.Sprintf("the process died %d times while it ran", j.Crashes)
		case j.Crashes > queue.CrashPatience:
			j.SetAt = q.now()
			j.RunAt = store.MillisOf(j.SetAt.Time().Add(queue.Backoff(j.Crashes - queue.CrashPatience)))
		}
		q.cfg.Log.Warn().Int64("job", j.ID).Str("kind", j.Kind).Int("crashes", j.Crashes).
			Str("state", string(j.State)).Msg("job was running when the last process ended")
	}
	if err := tx.EndJobs(ctx, jobs); err != nil {
		return err
	}
	if err := q.drawBack(ctx, tx, q.now()); err != nil {
		return err
	}
	return tx.PromoteHeadless(ctx)
}

// dispatch is the life of the dispatcher.
func (q *Queue) dispatch() {
	defer close(q.stopped)
	defer q.cancel(nil)
	failures := 0
	for {
		next, err := q.round(context.WithoutCancel(q.base)) // a drain cancels jobs, not the record of how they ended
		if err == nil {
			failures = 0
			if q.over() {
				return
			}
			q.sleep(next)
			continue
		}
		failures++
		pause := writeBackoff(failures)
		q.cfg.Log.Error().Err(err).Dur("pause", pause).Msg("queue cannot write to the database, will try again")
		if !q.pause(pause) {
			q.lastRound()
			return
		}
	}
}

// round is one transaction: what ended is written, what is due is taken and
// started. It returns when the next job is due, zero for never.
func (q *Queue) round(ctx context.Context) (next time.Time, err error) {
	q.mu.Lock()
	ended := q.ended
	free := q.cfg.Workers - len(q.running)
	if q.draining {
		free = 0
	}
	q.mu.Unlock()
	if len(ended) == 0 && free == 0 {
		return time.Time{}, nil
	}
	var (
		taken []store.Job
		now   store.Millis
		back  bool
	)
	err = q.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.EndJobs(ctx, ended); err != nil || free == 0 {
			return err
		}
		now = q.now()
		if back = q.setBack(now) || ranAhead(now, ended); back {
			if err := q.drawBack(ctx, tx, now); err != nil {
				return err
			}
		}
		if taken, err = tx.TakeJobs(ctx, now, free); err != nil || len(taken) == free {
			return err // with no worker free, the end of a job wakes us
		}
		at, err := tx.NextJob(ctx)
		next = at.Time()
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	if back {
		q.latest.Store(int64(now))
	}
	q.mu.Lock()
	q.ended = q.ended[len(ended):]
	if len(q.ended) == 0 {
		q.ended = nil // lets the written ones go
	}
	if q.draining { // since the transaction began
		for _, j := range taken {
			q.ended = append(q.ended, handBack(j))
		}
		taken = nil
	}
	for _, j := range taken {
		q.running[j.ID] = j
	}
	q.mu.Unlock()
	for _, j := range taken {
		go q.run(j)
	}
	return next, nil
}

// over reports whether a drain is complete.
func (q *Queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.draining && len(q.running) == 0 && len(q.ended) == 0
}

// sleep returns on a signal, when next is due or when the clock was set back.
func (q *Queue) sleep(next time.Time) {
	if next.IsZero() {
		<-q.wake
		return
	}
	for {
		d := next.Sub(q.cfg.Clock.Now())
		if d <= 0 || q.setBack(q.now()) {
			return
		}
		timer := q.cfg.Clock.NewTimer(min(d, recheck))
		if !q.cfg.Clock.Now().Before(next) { // it jumped between the two lines above
			timer.Stop()
			return
		}
		select {
		case <-q.wake:
			timer.Stop()
			return
		case <-timer.Chan():
		}
	}
}

// pause waits out a back-off, deaf to signals. It reports false when a drain
// cannot wait for that.
func (q *Queue) pause(d time.Duration) bool {
	timer := q.cfg.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return true
	case <-q.hurry:
		return false
	}
}

func writeBackoff(failures int) time.Duration {
	ceiling := writeBackoffCap
	if shift := failures - 1; shift < 16 {
		ceiling = min(ceiling, writeBackoffBase<<shift)
	}
	return rand.N(ceiling) + time.Millisecond //nolint:gosec // jitter is no secret
}

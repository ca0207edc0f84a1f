package fallback

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// watchBatch bounds the watches of one transaction: nobody else can write
	// meanwhile.
	watchBatch = 500
	// clockSettle is how long no absence is believed after a start: what came
	// while we were away is being read.
	clockSettle = time.Minute
	// clockRetry is the pause after the database failed.
	clockRetry = 30 * time.Second
	// watchRetry is the pause after something was wrong with one watch.
	watchRetry = time.Hour
	// maxNap bounds a wait: a machine that sleeps stops its timers.
	maxNap = 10 * time.Minute
	// maxSchedules that are kept compiled, by their crons: many workflows share
	// theirs.
	maxSchedules = 4096
	// maxUnwatched bounds the repositories that are read at start because they
	// have a configuration and no watch.
	maxUnwatched = 1000
)

// clock is what the schedule clock keeps in memory: nothing per watch.
type clock struct {
	bell      chan struct{} // a watch may be due earlier than the clock thinks
	schedules *lru.Cache[string, schedule.Set]
	metrics   *clockMetrics
	// looked is called after each batch with its size. Tests wait for it.
	looked func(watches int)
}

func newClock(m *clockMetrics) *clock {
	c := &clock{bell: make(chan struct{}, 1), metrics: m, looked: func(int) {}}
	c.schedules, _ = lru.New[string, schedule.Set](maxSchedules) // fails for sizes below 1 only
	return c
}

// ring has the clock look at the watches anew, once what was written is on disk.
func (c *clock) ring(tx *store.Tx) {
	tx.OnCommit(func() {
		select {
		case c.bell <- struct{}{}:
		default: // it rings already
		}
	})
}

// schedule compiles the crons of a workflow, or recalls them.
func (c *clock) schedule(crons []config.Cron) schedule.Set {
	key, err := json.Marshal(crons)
	if err != nil { // strings alone
		return schedule.Compile(crons)
	}
	if set, ok := c.schedules.Get(string(key)); ok {
		return set
	}
	set := schedule.Compile(crons)
	c.schedules.Add(string(key), set)
	return set
}

// RunClock looks for ticks that no run has answered, until ctx ends. It sleeps
// until the first watch is due and holds none of them in memory, so its cost
// follows the ticks that fall due and not the workflows that are watched.
func (e *Engine) RunClock(ctx context.Context) {
	log := e.Log.With().Str("part", "schedule clock").Logger()
	ctx = log.WithContext(ctx)
	settled := e.Clock.Now().Add(e.scaled(clockSettle))
	if err := e.enrolKnown(ctx); err != nil && ctx.Err() == nil {
		log.Error().Err(err).Msg("repositories without watches could not be listed")
	}
	for ctx.Err() == nil {
		at, err := e.nextDue(ctx)
		if err == nil && !at.IsZero() {
			if at = laterOf(at, settled); !at.After(e.Clock.Now()) {
				err = e.lookDue(ctx)
				if err == nil {
					continue
				}
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Error().Err(err).Msg("schedules could not be looked at")
			at = e.Clock.Now().Add(e.scaled(clockRetry))
		}
		e.nap(ctx, at)
	}
}

// nap waits for a moment (the zero time never comes), the bell or the end.
func (e *Engine) nap(ctx context.Context, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := e.Clock.NewTimer(min(until.Sub(e.Clock.Now()), maxNap))
		defer timer.Stop()
		due = timer.Chan()
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-e.clock.bell:
	}
}

// nextDue is when a watch is due next; the zero time when none is.
func (e *Engine) nextDue(ctx context.Context) (time.Time, error) {
	at, err := e.Store.NextDue(ctx)
	return at.Time(), err
}

// lookDue looks at every watch that is due, in batches.
func (e *Engine) lookDue(ctx context.Context) error {
	for {
		n := 0
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			now := e.Clock.Now()
			list, err := store.DueWatches(ctx, tx, store.MillisOf(now), watchBatch)
			if err != nil {
				return err
			}
			n = len(list)
			for i := range list {
				if err := e.lookOrPutOff(ctx, tx, &list[i], now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		e.clock.looked(n)
		if n < watchBatch || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// lookOrPutOff keeps a watch that nothing can be made of from stopping the clock.
func (e *Engine) lookOrPutOff(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	err := e.look(ctx, tx, w, now)
	var broken *watchError
	if !errors.As(err, &broken) {
		return err
	}
	zerolog.Ctx(ctx).Error().Err(err).Int64("repo_id", w.RepoID).Str("workflow", w.WorkflowPath).Msg("a schedule cannot be looked after, trying again later")
	w.DueAt = store.MillisOf(now.Add(e.scaled(watchRetry)))
	return tx.SettleWatch(ctx, w)
}

// enrolKnown has repositories read whose configuration is in force without a
// watch: it was stored by a version that knew none.
func (e *Engine) enrolKnown(ctx context.Context) error {
	list, err := e.Store.Unwatched(ctx, maxUnwatched)
	if err != nil || len(list) == 0 {
		return err
	}
	zerolog.Ctx(ctx).Info().Int("repositories", len(list)).Msg("configurations are read again for their schedules")
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, r := range list {
			repo := queue.Repo{InstallationID: r.InstallationID, ID: r.RepoID, Owner: r.Owner, Name: r.Name}
			if err := e.Queue.Enqueue(ctx, tx, queue.LoadConfig{Repo: repo}.Item()); err != nil {
				return err
			}
		}
		return nil
	})
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package clock

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// watchBatch bounds the watches of one transaction: nobody else can write
	// meanwhile.
	watchBatch = 500
	// settle is how long no absence is believed after a start: what came while
	// we were away is being read.
	settle = time.Minute
	// retry is the pause after the database failed.
	retry = 30 * time.Second
	// watchRetry is the pause after something was wrong with one watch.
	watchRetry = time.Hour
	// maxNap bounds a wait: a machine that sleeps stops its timers.
	maxNap = 10 * time.Minute
	// maxUnwatched bounds the repositories that are read at start because they
	// have a configuration and no watch.
	maxUnwatched = 1000
)

// Run looks for ticks that no run has answered, until ctx ends. It sleeps
// until the first watch is due and holds none of them in memory, so its cost
// follows the ticks that fall due and not the workflows that are watched.
func (c *Clock) Run(ctx context.Context) {
	log := c.Log.With().Str("part", "schedule clock").Logger()
	ctx = log.WithContext(ctx)
	settled := c.Clock.Now().Add(c.scaled(settle))
	if err := c.enrolKnown(ctx); err != nil && ctx.Err() == nil {
		log.Error().Err(err).Msg("repositories without watches could not be listed")
	}
	for ctx.Err() == nil {
		at, err := c.Due(ctx)
		if err == nil && !at.IsZero() {
			if at = laterOf(at, settled); !at.After(c.Clock.Now()) {
				err = c.Look(ctx)
				if err == nil {
					continue
				}
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Error().Err(err).Msg("schedules could not be looked at")
			at = c.Clock.Now().Add(c.scaled(retry))
		}
		c.nap(ctx, at)
	}
}

// nap waits for a moment (the zero time never comes), the bell or the end.
func (c *Clock) nap(ctx context.Context, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := c.Clock.NewTimer(min(until.Sub(c.Clock.Now()), maxNap))
		defer timer.Stop()
		due = timer.Chan()
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-c.bell:
	}
}

// Due is when a watch is due next; the zero time when none is.
func (c *Clock) Due(ctx context.Context) (time.Time, error) {
	if err := c.setBack(ctx); err != nil {
		return time.Time{}, err
	}
	at, err := c.Store.NextDue(ctx)
	return at.Time(), err
}

// Look looks at every watch that is due, in batches.
func (c *Clock) Look(ctx context.Context) error {
	for {
		n := 0
		err := c.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			now := c.Clock.Now()
			list, err := store.DueWatches(ctx, tx, store.MillisOf(now), watchBatch)
			if err != nil {
				return err
			}
			n = len(list)
			for i := range list {
				if err := c.lookOrPutOff(ctx, tx, &list[i], now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.looked(n)
		if n < watchBatch || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// lookOrPutOff keeps a watch that nothing can be made of from stopping the clock.
func (c *Clock) lookOrPutOff(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	err := c.lookAt(ctx, tx, w, now)
	var broken *watchError
	if !errors.As(err, &broken) {
		return err
	}
	zerolog.Ctx(ctx).Error().Err(err).Int64("repo_id", w.RepoID).Str("workflow", w.WorkflowPath).Msg("a schedule cannot be looked after, trying again later")
	w.DueAt = store.MillisOf(now.Add(c.scaled(watchRetry)))
	return tx.SettleWatch(ctx, w)
}

// enrolKnown has repositories read whose configuration is in force without a
// watch: it was stored by a version that knew none.
func (c *Clock) enrolKnown(ctx context.Context) error {
	list, err := c.Store.Unwatched(ctx, maxUnwatched)
	if err != nil || len(list) == 0 {
		return err
	}
	zerolog.Ctx(ctx).Info().Int("repositories", len(list)).Msg("configurations are read again for their schedules")
	return c.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, r := range list {
			repo := queue.Repo{InstallationID: r.InstallationID, ID: r.RepoID, Owner: r.Owner, Name: r.Name}
			if err := c.Queue.Enqueue(ctx, tx, queue.LoadConfig{Repo: repo}.Item()); err != nil {
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

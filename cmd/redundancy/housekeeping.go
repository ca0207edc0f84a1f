package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/intake"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	pruneInterval = time.Hour
	// keepLint is how long the result for a file is kept that nobody pushed
	// again, keepLintRows how many results at most (about 1 KiB each).
	keepLint     = 60 * 24 * time.Hour
	keepLintRows = 50_000
	// keepValidations: a validated commit that is pushed again later than this
	// gets its Check Run updated instead of skipped.
	keepValidations = 90 * 24 * time.Hour
	// keepJournals is longer than any claim of an action lives.
	keepJournals = 30 * 24 * time.Hour
)

// prune removes what is too old to matter, so that neither database nor data
// directory grows without bound, and rouses incidents whose wake-up was lost, and ends those that are nobody's any more.
// Deliveries have a loop of their own.
func (a *App) prune(ctx context.Context) {
	tick := a.clock.NewTicker(pruneInterval)
	defer tick.Stop()
	for {
		if err := a.pruneOnce(ctx); err != nil && ctx.Err() == nil {
			zerolog.Ctx(ctx).Error().Err(err).Msg("the hourly housekeeping has failed")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.Chan():
		}
	}
}

func (a *App) pruneOnce(ctx context.Context) error {
	now := a.clock.Now()
	before := func(d time.Duration) store.Millis { return store.MillisOf(now.Add(-d)) }
	err := a.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, lint := store.PruneLintResults(ctx, tx, before(keepLint), keepLintRows)
		_, validations := store.PruneValidations(ctx, tx, before(keepValidations))
		return errors.Join(lint, validations, tx.PruneEngine(ctx, now), tx.PruneReplies(ctx, now))
	})
	_, journals := a.actions.Prune(now.Add(-keepJournals))
	return errors.Join(err, journals, a.engine.EndUnwatched(ctx), a.store.Update(ctx, a.engine.Rouse))
}

func newSweeper(a *App, metrics prometheus.Registerer) (*intake.Sweeper, error) {
	return intake.NewSweeper(intake.SweeperConfig{
		Store: a.store, API: a.clients.App().Apps, Clock: a.clock, Registerer: metrics, Scale: a.cfg.PollScale, Limited: githubapi.LimitedUntil,
		Failed: func(ctx context.Context, tx *store.Tx, repoIDs []int64) error {
			return a.history.Doubt(ctx, tx, repoIDs...)
		},
	})
}

// storedDeliveries gives the API the inbox.
type storedDeliveries struct {
	*store.Store
	queue queue.Enqueuer
}

func (d storedDeliveries) Replay(ctx context.Context, guid string) error {
	return intake.Replay(ctx, d.Store, d.queue, guid)
}

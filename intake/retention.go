package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

const (
	// DefaultRetention is how long a handled delivery is kept.
	DefaultRetention = 14 * 24 * time.Hour
	// retentionInterval is the pause between two rounds.
	retentionInterval = time.Hour
	// pruneLimit bounds one transaction; webhooks wait for it.
	pruneLimit = 200
	// releaseLimit is how many pages of 4 KiB one transaction gives back.
	releaseLimit = 256
	// keepFree of the file's pages stay for what comes next, at least
	// keepFreeMin: giving a page back and taking a new one costs more than
	// reusing it.
	keepFree    = 10 // per cent
	keepFreeMin = 512
)

// Retention removes handled deliveries that are older than Age. What is not
// handled stays, however old: it is work. Pages that become free are used for
// new deliveries; when more than a tenth of the file is free, the rest is given
// back to the file system, so that the file follows the traffic down as well.
type Retention struct {
	Store *store.Store
	Clock clockwork.Clock
	Age   time.Duration // 0 means DefaultRetention
}

// Run prunes at once and then every hour, until ctx ends.
func (r *Retention) Run(ctx context.Context) {
	tick := r.Clock.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		if n, err := r.Prune(ctx); err != nil && ctx.Err() == nil {
			zerolog.Ctx(ctx).Error().Err(err).Msg("old deliveries could not be removed")
		} else if n > 0 {
			zerolog.Ctx(ctx).Info().Int("deliveries", n).Msg("old deliveries removed")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.Chan():
		}
	}
}

// Prune removes what is too old now, in small transactions, and reports how
// many deliveries that were.
func (r *Retention) Prune(ctx context.Context) (deleted int, err error) {
	age := r.Age
	if age <= 0 {
		age = DefaultRetention
	}
	cutoff := store.MillisOf(r.Clock.Now().Add(-age))
	for page := (store.PrunePage{}); !page.Done; {
		err := r.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			page, err = store.PruneDeliveries(ctx, tx, cutoff, page.After, pruneLimit)
			return err
		})
		if err != nil {
			return deleted, err
		}
		deleted += page.Deleted
	}
	return deleted, r.release(ctx)
}

// release shrinks the file to what it needs and a reserve.
func (r *Retention) release(ctx context.Context) error {
	for {
		free, all, err := r.Store.FreePages(ctx)
		if err != nil {
			return err
		}
		spare := free - max(all*keepFree/100, keepFreeMin)
		if spare <= 0 {
			return nil
		}
		err = r.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return store.ReleasePages(ctx, tx, min(spare, releaseLimit))
		})
		if err != nil {
			return err
		}
		if now, _, err := r.Store.FreePages(ctx); err != nil {
			return err
		} else if now >= free {
			return fmt.Errorf("release pages: %d of %d are free and stay so; the database was made without auto_vacuum", now, all)
		}
	}
}

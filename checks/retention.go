package checks

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// How long and how much is kept. A row of findings takes under 1 KB for most
// files, and 250 KB at most.
const (
	keepResults     = 30 * 24 * time.Hour // since their last use
	keepResultRows  = 50_000
	keepValidations = 90 * 24 * time.Hour
	pruneEvery      = time.Hour
)

// prune bounds what the store keeps for validation. It runs beside the work
// that makes the tables grow, so no timer is needed; a failure is tried again
// an hour later and fails no job.
func (v *Validator) prune(ctx context.Context) {
	now := v.Clock.Now()
	next := v.nextPrune.Load()
	if now.UnixMilli() < next || !v.nextPrune.CompareAndSwap(next, now.Add(pruneEvery).UnixMilli()) {
		return
	}
	var results, validations int64
	err := v.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if results, err = store.PruneLintResults(ctx, tx, store.MillisOf(now.Add(-keepResults)), keepResultRows); err != nil {
			return err
		}
		validations, err = store.PruneValidations(ctx, tx, store.MillisOf(now.Add(-keepValidations)))
		return err
	})
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("could not prune cached findings")
		return
	}
	if results+validations > 0 {
		zerolog.Ctx(ctx).Debug().Int64("results", results).Int64("validations", validations).Msg("pruned cached findings")
	}
}

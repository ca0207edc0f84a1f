package history

import (
	"context"
	"errors"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// putOff has a past that GitHub refuses asked for later, and goes on with the
// next one. A refusal can be a slip, an App whose permission waits for somebody
// to grant it, or a workflow that GitHub does not know yet; the repository of
// one that is not found may have moved.
func (p *past) putOff(ctx context.Context, args queue.ReadHistory, cause error) error {
	until := p.Clock.Now().Add(min(p.scaled(pastRetry)<<min(2*p.watch.PastRefused, 12), maxPastRetry))
	zerolog.Ctx(ctx).Warn().Err(cause).Time("again", until).Msg("the past of a workflow cannot be read; its thresholds are the defaults until it has one")
	return p.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutOffHistory(ctx, p.watch.RepoID, p.watch.WorkflowPath, store.MillisOf(until)); err != nil {
			return err
		}
		if elsewhere := (*runs.ElsewhereError)(nil); errors.As(cause, &elsewhere) || githubapi.IsNotFound(cause) {
			if err := p.Queue.Enqueue(ctx, tx, queue.SyncInstallation{InstallationID: args.InstallationID}.Item()); err != nil {
				return err
			}
		}
		return p.Queue.Enqueue(ctx, tx, args.Item())
	})
}

package commands

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
)

// Verified puts the question for the actor's permission before the workers of
// queue.Recover and queue.PauseTarget, for the jobs that want it (Verify). Without the
// permission the job ends and nothing is done.
func Verified(clients Clients, next queue.Work) queue.Work {
	return func(ctx context.Context, job queue.Job) error {
		var args queue.Recover
		if err := json.Unmarshal(job.Args, &args); err != nil {
			return queue.Permanent(fmt.Errorf("read arguments of %s: %w", job.Kind, err))
		}
		if !args.Verify {
			return next(ctx, job)
		}
		client, err := clients.Installation(args.Repo.InstallationID)
		if err != nil {
			return fmt.Errorf("verify %s: %w", args.Actor, err)
		}
		ok, err := mayWrite(ctx, client, args.Repo, args.Actor)
		if err != nil {
			return err
		}
		if !ok {
			zerolog.Ctx(ctx).Warn().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
				Str("repo", args.Repo.FullName()).Str("actor", args.Actor).Msg("request refused: no write access")
			return nil
		}
		return next(ctx, job)
	}
}

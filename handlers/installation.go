package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Installation follows the installations of the App. GitHub is asked for the
// state and the repositories, because events come late and out of order; but
// what is suspended or gone is written down at once, so that nothing is tried
// in vain meanwhile. The sync also has the configurations read.
type Installation struct{ *base }

// Handles implements githubapp.EventHandler. GitHub sends this event to every
// App, subscribed or not.
func (*Installation) Handles() []string { return []string{"installation"} }

// Handle implements githubapp.EventHandler.
func (h *Installation) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *installationEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type installationEvent struct{ envelope }

func (h *Installation) decide(e *installationEvent, deliveryID string) intent {
	id := e.Installation.ID
	if id <= 0 {
		return ignore(unaddressed)
	}
	sync := enqueue(queue.SyncInstallation{InstallationID: id, DeliveryID: deliveryID}.Item())
	switch e.Action {
	case "created", "unsuspend", "new_permissions_accepted":
	case "suspend":
		sync.write = func(ctx context.Context, tx *store.Tx) error {
			return h.setState(ctx, tx, id, store.InstallationSuspended)
		}
	case "deleted":
		sync.write = func(ctx context.Context, tx *store.Tx) error {
			covered, err := store.InstallationRepositories(ctx, tx, id)
			if err != nil {
				return err
			}
			for _, r := range covered {
				if err := tx.DeleteRepositoryConfig(ctx, r.ID); err != nil {
					return err
				}
			}
			return h.setState(ctx, tx, id, store.InstallationDeleted)
		}
	default:
		return ignore(unknownAction)
	}
	return sync
}

func (h *Installation) setState(ctx context.Context, tx *store.Tx, id int64, state store.InstallationState) error {
	_, err := store.SetInstallationState(ctx, tx, id, state, store.MillisOf(h.Clock.Now()))
	return err
}

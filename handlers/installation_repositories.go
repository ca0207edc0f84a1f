package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// InstallationRepositories follows which repositories an installation covers.
type InstallationRepositories struct{ *base }

// Handles implements githubapp.EventHandler. GitHub sends this event to every
// App, subscribed or not.
func (*InstallationRepositories) Handles() []string { return []string{"installation_repositories"} }

// Handle implements githubapp.EventHandler.
func (h *InstallationRepositories) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *installationRepositoriesEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type installationRepositoriesEvent struct {
	envelope
	Removed []ref `json:"repositories_removed"`
}

func (h *InstallationRepositories) decide(e *installationRepositoriesEvent, deliveryID string) intent {
	id := e.Installation.ID
	if id <= 0 {
		return ignore(unaddressed)
	}
	if e.Action != "added" && e.Action != "removed" {
		return ignore(unknownAction)
	}
	// The list is read again for both: an "added" that comes after its
	// "removed" would bring back what is gone. The sync has the configuration
	// read of what is new.
	want := enqueue(queue.SyncInstallation{InstallationID: id, DeliveryID: deliveryID}.Item())
	if e.Action == "removed" && len(e.Removed) > 0 {
		want.write = func(ctx context.Context, tx *store.Tx) error { return remove(ctx, tx, id, e.Removed) }
	}
	return want
}

// remove stops work on repositories that GitHub no longer shows us. A
// configuration that stayed would be loaded, in vain, with its owner's default.
func remove(ctx context.Context, tx *store.Tx, installation int64, repositories []ref) error {
	ids := make([]int64, len(repositories))
	for i, r := range repositories {
		ids[i] = r.ID
		if err := tx.DeleteRepositoryConfig(ctx, r.ID); err != nil {
			return err
		}
	}
	return store.RemoveRepositories(ctx, tx, installation, ids)
}

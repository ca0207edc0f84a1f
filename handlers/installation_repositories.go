package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
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
	Added []repository `json:"repositories_added"`
}

func (h *InstallationRepositories) decide(e *installationRepositoriesEvent, deliveryID string) intent {
	id := e.Installation.ID
	if id <= 0 {
		return ignore(unaddressed)
	}
	if e.Action != "added" && e.Action != "removed" {
		return ignore(unknownAction)
	}
	// Both actions are answered by reading the list again: an "added" that
	// comes after its "removed" would bring back what is gone.
	sync := queue.SyncInstallation{InstallationID: id, DeliveryID: deliveryID}.Item()
	return enqueue(append([]queue.Item{sync}, loadAll(id, e.Added, deliveryID)...)...)
}

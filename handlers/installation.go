package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
)

// Installation follows the installations of the App.
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

type installationEvent struct {
	envelope
	Repositories []repository `json:"repositories"`
}

func (h *Installation) decide(e *installationEvent, deliveryID string) intent {
	id := e.Installation.ID
	if id <= 0 {
		return ignore(unaddressed)
	}
	sync := queue.SyncInstallation{InstallationID: id, DeliveryID: deliveryID}.Item()
	switch e.Action {
	case "created":
		return enqueue(append([]queue.Item{sync}, loadAll(id, e.Repositories, deliveryID)...)...)
	case "deleted", "suspend", "unsuspend", "new_permissions_accepted":
		return enqueue(sync)
	}
	return ignore(unknownAction)
}

// loadAll reads the configuration of repositories that came into view.
func loadAll(installation int64, repositories []repository, deliveryID string) []queue.Item {
	var items []queue.Item
	for _, r := range repositories {
		if repo, ok := r.address(installation); ok {
			items = append(items, queue.LoadConfig{Repo: repo, DeliveryID: deliveryID}.Item())
		}
	}
	return items
}

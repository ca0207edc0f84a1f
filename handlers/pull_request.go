package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
)

// PullRequest validates the head of a pull request. GitHub makes no check
// suite and sends no push for a commit that lives in a fork, so this is the
// only word of it; for branches of the repository itself it is folded into the
// validation that the push asked for.
type PullRequest struct{ *base }

// Handles implements githubapp.EventHandler.
func (*PullRequest) Handles() []string { return []string{"pull_request"} }

// Handle implements githubapp.EventHandler.
func (h *PullRequest) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *pullRequestEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type pullRequestEvent struct {
	envelope
	PullRequest struct {
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull_request"`
}

func (h *PullRequest) decide(e *pullRequestEvent, deliveryID string) intent {
	switch e.Action {
	case "opened", "synchronize", "reopened":
	default:
		return ignore(unknownAction)
	}
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed)
	}
	sha := e.PullRequest.Head.SHA
	if !isCommit(sha) {
		return ignore("no head commit")
	}
	return enqueue(queue.ValidateCommit{Repo: repo, SHA: sha, DeliveryID: deliveryID}.Item())
}

package handlers

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
)

// CheckSuite validates the head of a suite that GitHub made for this App, and
// again when a person presses "Re-run all checks".
type CheckSuite struct{ *base }

// Handles implements githubapp.EventHandler.
func (*CheckSuite) Handles() []string { return []string{"check_suite"} }

// Handle implements githubapp.EventHandler.
func (h *CheckSuite) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *checkSuiteEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type checkSuiteEvent struct {
	envelope
	CheckSuite struct {
		HeadSHA string `json:"head_sha"`
		App     ref    `json:"app"`
	} `json:"check_suite"`
}

func (h *CheckSuite) decide(e *checkSuiteEvent, deliveryID string) intent {
	if e.Action != "requested" && e.Action != "rerequested" {
		return ignore(unknownAction)
	}
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed)
	}
	if e.CheckSuite.App.ID != h.AppID {
		return ignore(notOurs)
	}
	// head_branch and pull_requests are empty for forks; the commit is enough.
	if !isCommit(e.CheckSuite.HeadSHA) {
		return ignore("no head commit")
	}
	return enqueue(queue.ValidateCommit{
		Repo: repo, SHA: e.CheckSuite.HeadSHA, DeliveryID: deliveryID, Again: e.Action == "rerequested",
	}.Item())
}

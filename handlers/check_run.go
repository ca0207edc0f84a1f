package handlers

import (
	"context"
	"strconv"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
)

// Names of the App's Check Runs, as people see them and branch protection
// rules refer to them.
const (
	validateCheck      = "redundancy / validate"
	recoverCheckPrefix = "redundancy / recover "
	// recoverAction is the identifier of the button "Recover".
	recoverAction = "recover"
)

// CheckRun honours "Re-run" and the buttons on the App's own Check Runs.
type CheckRun struct{ *base }

// Handles implements githubapp.EventHandler.
func (*CheckRun) Handles() []string { return []string{"check_run"} }

// Handle implements githubapp.EventHandler.
func (h *CheckRun) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(_ context.Context, e *checkRunEvent) (intent, error) {
		return h.decide(e, deliveryID), nil
	})
}

type checkRunEvent struct {
	envelope
	CheckRun struct {
		Name       string `json:"name"`
		HeadSHA    string `json:"head_sha"`
		ExternalID string `json:"external_id"`
		App        ref    `json:"app"`
	} `json:"check_run"`
	RequestedAction struct {
		Identifier string `json:"identifier"`
	} `json:"requested_action"`
}

func (h *CheckRun) decide(e *checkRunEvent, deliveryID string) intent {
	if e.Action != "rerequested" && e.Action != "requested_action" {
		return ignore(unknownAction) // created and completed are our own doing
	}
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed)
	}
	if e.CheckRun.App.ID != h.AppID {
		return ignore(notOurs)
	}
	if e.Action == "requested_action" && e.RequestedAction.Identifier != recoverAction {
		return ignore("button is not one of ours")
	}
	if target, ok := strings.CutPrefix(e.CheckRun.Name, recoverCheckPrefix); ok {
		return h.recover(e, repo, target, deliveryID)
	}
	if e.Action == "rerequested" && e.CheckRun.Name == validateCheck && isCommit(e.CheckRun.HeadSHA) {
		return enqueue(queue.ValidateCommit{Repo: repo, SHA: e.CheckRun.HeadSHA, DeliveryID: deliveryID, Again: true}.Item())
	}
	return ignore("check run is not one of ours")
}

// recover asks for the recovery of the incident behind a Check Run again. Only
// people with write access see the button, but the worker asks for the
// sender's permission all the same: it may have been taken away since.
func (h *CheckRun) recover(e *checkRunEvent, repo queue.Repo, target, deliveryID string) intent {
	incident, ok := incidentID(e.CheckRun.ExternalID)
	if !ok || e.Sender.Login == "" {
		return ignore("check run names no incident, or nobody pressed it")
	}
	reason := "button"
	if e.Action == "rerequested" {
		reason = "re-run of the check run"
	}
	return enqueue(queue.Recover{
		Repo: repo, Target: cut(target, maxTarget), Reason: reason, Actor: e.Sender.Login, IncidentID: incident, DeliveryID: deliveryID,
	}.Item())
}

// incidentID reads the external id of a "redundancy / recover" Check Run.
func incidentID(externalID string) (int64, bool) {
	digits, _ := strings.CutPrefix(externalID, "incident:")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0
}

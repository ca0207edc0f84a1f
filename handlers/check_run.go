package handlers

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Names of the App's Check Runs, as people see them and branch protection
// rules refer to them.
const (
	validateCheck      = "redundancy / validate"
	recoverCheckPrefix = "redundancy / recover "
	// The identifiers of the buttons.
	recoverAction = "recover"
	doneAction    = "done"
	pauseAction   = "pause"
	resumeAction  = "resume"
)

// CheckRun honours "Re-run" and the buttons on the App's own Check Runs.
type CheckRun struct{ *base }

// Handles implements githubapp.EventHandler.
func (*CheckRun) Handles() []string { return []string{"check_run"} }

// Handle implements githubapp.EventHandler.
func (h *CheckRun) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(ctx context.Context, e *checkRunEvent) (intent, error) {
		return h.decide(ctx, e, deliveryID)
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

func (h *CheckRun) decide(ctx context.Context, e *checkRunEvent, deliveryID string) (intent, error) {
	if e.Action != "rerequested" && e.Action != "requested_action" {
		return ignore(unknownAction), nil // created and completed are our own doing
	}
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed), nil
	}
	if e.CheckRun.App.ID != h.AppID {
		return ignore(notOurs), nil
	}
	button := e.RequestedAction.Identifier
	if e.Action == "requested_action" && !slices.Contains([]string{recoverAction, doneAction, pauseAction, resumeAction}, button) {
		return ignore("button is not one of ours"), nil
	}
	if target, ok := strings.CutPrefix(e.CheckRun.Name, recoverCheckPrefix); ok {
		if e.Action == "requested_action" && (button == pauseAction || button == resumeAction) {
			return h.pause(ctx, e, repo, target, deliveryID)
		}
		return h.recover(ctx, e, repo, target, deliveryID)
	}
	if e.Action == "rerequested" && e.CheckRun.Name == validateCheck && isCommit(e.CheckRun.HeadSHA) {
		return enqueue(queue.ValidateCommit{Repo: repo, SHA: e.CheckRun.HeadSHA, DeliveryID: deliveryID, Again: true}.Item()), nil
	}
	return ignore("check run is not one of ours"), nil
}

// recover asks for the recovery of the incident behind a Check Run again, or
// says that its work was done. Only
// people with write access see the button, but the page may be older than the
// permission, so the worker is told to verify.
func (h *CheckRun) recover(ctx context.Context, e *checkRunEvent, repo queue.Repo, target, deliveryID string) (intent, error) {
	if target == "" || e.Sender.Login == "" {
		return ignore("check run names no workflow, or nobody pressed it"), nil
	}
	incident, err := h.incident(ctx, repo, e.CheckRun.ExternalID)
	if err != nil {
		return intent{}, err
	}
	reason, done := "button", e.RequestedAction.Identifier == doneAction
	if e.Action == "rerequested" {
		reason, done = "re-run of the check run", false
	}
	if done && incident == 0 {
		return ignore("check run shows no incident that is on record"), nil
	}
	return enqueue(queue.Recover{
		Repo: repo, Target: cut(target, maxTarget), Reason: reason, Actor: e.Sender.Login, Verify: true, Done: done,
		IncidentID: incident, DeliveryID: deliveryID,
	}.Item()), nil
}

// pause holds the recovery of a Check Run's workflow back, or lets it go on.
func (h *CheckRun) pause(ctx context.Context, e *checkRunEvent, repo queue.Repo, target, deliveryID string) (intent, error) {
	if target == "" || e.Sender.Login == "" {
		return ignore("check run names no workflow, or nobody pressed it"), nil
	}
	incident, err := h.incident(ctx, repo, e.CheckRun.ExternalID)
	if err != nil {
		return intent{}, err
	}
	return enqueue(queue.PauseTarget{
		Repo: repo, Target: cut(target, maxTarget), Resume: e.RequestedAction.Identifier == resumeAction, Reason: "button",
		Actor: e.Sender.Login, Verify: true, IncidentID: incident, DeliveryID: deliveryID,
	}.Item()), nil
}

// externalIDForm is the external id of a "redundancy / recover" Check Run: the
// incident's id and the beginning of its occurrence key.
var externalIDForm = regexp.MustCompile(`^incident:([0-9]{1,18}):([0-9a-f]{12})$`)

// incident finds the incident that a Check Run shows. It is 0 when the key does
// not fit: the Check Run stems from a database that is gone, and the incident
// that has its number now is another. The workflow is still the right one.
func (h *CheckRun) incident(ctx context.Context, repo queue.Repo, externalID string) (int64, error) {
	m := externalIDForm.FindStringSubmatch(externalID)
	if m == nil {
		return 0, nil
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, err // cannot be: 18 digits always fit
	}
	known, ok, err := store.ReadIncident(ctx, h.Store.Read(), id)
	if err != nil || !ok || known.RepoID != repo.ID || !strings.HasPrefix(known.OccurrenceKey, m[2]) {
		return 0, err
	}
	return id, nil
}

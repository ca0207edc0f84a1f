package handlers

import (
	"context"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
)

// WorkflowRun wakes the engine for the runs that matter to it. The payload is
// only a hint (it may be late, doubled or out of order), so it decides whether
// to look, never what to conclude.
type WorkflowRun struct{ *base }

// Handles implements githubapp.EventHandler.
func (*WorkflowRun) Handles() []string { return []string{"workflow_run"} }

// Handle implements githubapp.EventHandler.
func (h *WorkflowRun) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(ctx context.Context, e *workflowRunEvent) (intent, error) {
		return h.decide(ctx, e, deliveryID)
	})
}

type workflowRunEvent struct {
	envelope
	Run workflowRun `json:"workflow_run"`
	// Workflow is null for a run whose workflow was deleted meanwhile.
	Workflow struct {
		Path string `json:"path"`
	} `json:"workflow"`
}

type workflowRun struct {
	ID              int64   `json:"id"`
	Path            string  `json:"path"`
	Event           string  `json:"event"`
	Conclusion      string  `json:"conclusion"`
	HeadBranch      string  `json:"head_branch"`
	HeadRepository  ref     `json:"head_repository"`
	Actor           account `json:"actor"`
	TriggeringActor account `json:"triggering_actor"`
}

func (h *WorkflowRun) decide(ctx context.Context, e *workflowRunEvent, deliveryID string) (intent, error) {
	switch e.Action {
	case "requested", "in_progress", "completed":
	default:
		return ignore(unknownAction), nil
	}
	repo, ok := e.repo()
	if !ok || e.Run.ID <= 0 {
		return ignore(unaddressed), nil
	}
	observe := enqueue(queue.ObserveRun{Repo: repo, RunID: e.Run.ID, DeliveryID: deliveryID}.Item())
	if h.mayBeOurs(e.Run) {
		return observe, nil
	}
	matters, err := h.concludesWatched(ctx, e, repo.ID)
	if err != nil {
		return intent{}, err
	}
	if !matters {
		// Last, because most runs end here and it reads the database.
		if matters, err = h.Runs.Tracks(ctx, repo.ID, e.Run.ID); err != nil {
			return intent{}, err
		}
	}
	if !matters {
		return ignore("run is neither watched nor part of an incident"), nil
	}
	return observe, nil
}

// mayBeOurs finds runs that a recovery dispatched, before the engine knows
// their ids: where GitHub does not tell the id of a dispatched run, this
// webhook is how it is found.
func (h *WorkflowRun) mayBeOurs(run workflowRun) bool {
	if run.Event != "workflow_dispatch" && run.Event != "repository_dispatch" {
		return false
	}
	self := h.BotLogin()
	for _, who := range []account{run.Actor, run.TriggeringActor} {
		if self == "" && who.isBot() || self != "" && strings.EqualFold(who.Login, self) {
			return true
		}
	}
	return false
}

// concludesWatched is true for an end that opens an incident or proves that
// all is well again, on the default branch of the repository itself.
func (h *WorkflowRun) concludesWatched(ctx context.Context, e *workflowRunEvent, repoID int64) (bool, error) {
	if e.Action != "completed" || !opens(e.Run.Conclusion) && e.Run.Conclusion != "success" {
		return false, nil
	}
	if strings.HasPrefix(e.Run.Event, "pull_request") {
		return false, nil
	}
	if e.Run.HeadBranch == "" || e.Run.HeadBranch != e.Repository.DefaultBranch || e.Run.HeadRepository.ID != repoID {
		return false, nil
	}
	path := e.path()
	if path == "" {
		return false, nil
	}
	watched, known, err := h.Runs.Watches(ctx, repoID, path)
	if err != nil {
		return false, err
	}
	// A configuration that was never read may watch it: a failure is worth
	// finding out, a success is not.
	return watched || !known && opens(e.Run.Conclusion), nil
}

// opens says whether a conclusion opens an incident. cancelled, skipped,
// neutral and action_required are somebody's decision, no failure.
func opens(conclusion string) bool {
	switch conclusion {
	case "failure", "timed_out", "startup_failure":
		return true
	}
	return false
}

// path is ".github/workflows/x.yml"; a run's own path may carry "@ref" behind it.
func (e *workflowRunEvent) path() string {
	path := e.Run.Path
	if path == "" {
		path = e.Workflow.Path
	}
	path, _, _ = strings.Cut(path, "@")
	return path
}

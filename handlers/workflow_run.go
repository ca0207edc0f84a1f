package handlers

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
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
	ID              int64           `json:"id"`
	Attempt         int             `json:"run_attempt"`
	Path            string          `json:"path"`
	Event           string          `json:"event"`
	Status          string          `json:"status"`
	Conclusion      string          `json:"conclusion"`
	HeadBranch      string          `json:"head_branch"`
	HeadSHA         string          `json:"head_sha"`
	HeadRepository  ref             `json:"head_repository"`
	Actor           account         `json:"actor"`
	TriggeringActor account         `json:"triggering_actor"`
	URL             string          `json:"html_url"`
	CreatedAt       json.RawMessage `json:"created_at"`
	UpdatedAt       json.RawMessage `json:"updated_at"`
	StartedAt       json.RawMessage `json:"run_started_at"`
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
	observe := queue.ObserveRun{Repo: repo, RunID: e.Run.ID, DeliveryID: deliveryID}.Item()
	if h.mayBeOurs(e.Run) {
		return enqueue(observe), nil
	}
	watched, known, err := h.watched(ctx, e, repo.ID)
	if err != nil {
		return intent{}, err
	}
	matters := h.concludes(e, watched, known)
	if !matters {
		// Last, because most runs end here and it reads the database.
		if matters, err = h.Runs.Tracks(ctx, repo.ID, e.Run.ID); err != nil {
			return intent{}, err
		}
	}
	want := ignore("run is neither watched nor part of an incident")
	if matters {
		want = enqueue(observe)
	}
	// A list of runs that GitHub is asked for later can lag behind this.
	if run, ok := e.row(repo.ID); ok && watched {
		want.write = func(ctx context.Context, tx *store.Tx) error { return h.Runs.Seen(ctx, tx, repo, run) }
	}
	return want, nil
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

// watched says whether the run is one of a watched workflow on the default
// branch of the repository itself, as it is or as it was when the run was created. known is false when the repository's
// configuration was never read; watched is, too, when the run says nothing about that
// branch.
func (h *WorkflowRun) watched(ctx context.Context, e *workflowRunEvent, repoID int64) (watched, known bool, err error) {
	path := e.path()
	if path == "" || strings.HasPrefix(e.Run.Event, "pull_request") || e.Run.HeadBranch == "" || e.Run.HeadRepository.ID != repoID {
		return false, true, nil
	}
	if e.Run.HeadBranch != e.Repository.DefaultBranch {
		if former, err := h.ofFormer(ctx, e); err != nil || !former {
			return false, true, err
		}
	}
	return h.Runs.Watches(ctx, repoID, path)
}

// ofFormer says whether the run was of the default branch when it was created.
// This can be the event that tells of the change.
func (h *WorkflowRun) ofFormer(ctx context.Context, e *workflowRunEvent) (bool, error) {
	now, ok := e.facts(store.MillisOf(h.Clock.Now()))
	if !ok {
		return false, nil
	}
	known, ok, err := h.Store.Repository(ctx, now.ID)
	if err != nil || !ok {
		return false, err
	}
	if now.News(known) {
		known = now.Succeeding(known)
	}
	return known.OfDefault(e.Run.HeadBranch, moment(e.Run.CreatedAt)), nil
}

// concludes is true for an end that opens an incident or proves that all is
// well again. A configuration that was never read may watch the workflow: a
// failure is worth finding out, a success is not.
func (h *WorkflowRun) concludes(e *workflowRunEvent, watched, known bool) bool {
	if e.Action != "completed" {
		return false
	}
	return opens(e.Run.Conclusion) && (watched || !known) || e.Run.Conclusion == "success" && watched
}

// row is the run as the delivery tells it; ok is false when what everything
// else depends on is missing.
func (e *workflowRunEvent) row(repoID int64) (run store.WorkflowRun, ok bool) {
	r := e.Run
	actor := r.TriggeringActor.Login
	if actor == "" {
		actor = r.Actor.Login
	}
	run = store.WorkflowRun{
		RepoID: repoID, RunID: r.ID, Attempt: max(r.Attempt, 1), WorkflowPath: e.path(), Event: r.Event,
		HeadBranch: r.HeadBranch, HeadSHA: r.HeadSHA, Actor: actor, URL: r.URL, Status: r.Status, Conclusion: r.Conclusion,
		CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt), StartedAt: moment(r.StartedAt),
	}
	return run, run.Status != "" && run.CreatedAt != 0 && run.UpdatedAt != 0
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

// Package runs reads workflow runs from GitHub: one run, or a list of them.
//
// Whatever it gives is of the repository that was asked for, by its id: a name
// can belong to another repository by now, and an answer about that one is an
// [ElsewhereError].
package runs

import (
	"cmp"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/store"
)

// Run is a workflow run as GitHub answers, with what go-github v62 leaves out.
type Run struct {
	github.WorkflowRun
	// Path of the workflow, ".github/workflows/x.yml", sometimes with "@ref"
	// behind; see [Run.WorkflowPath].
	Path string `json:"path"`
}

// WorkflowPath is the path of the workflow's file, without a ref.
func (r *Run) WorkflowPath() string {
	p, _, _ := strings.Cut(r.Path, "@")
	return p
}

// Starter is the login of who started this attempt; "" when GitHub names nobody.
func (r *Run) Starter() string {
	if login := r.GetTriggeringActor().GetLogin(); login != "" {
		return login
	}
	return r.GetActor().GetLogin()
}

// Completed says whether the newest attempt has ended.
func (r *Run) Completed() bool { return r.GetStatus() == "completed" }

// Created is when the run was created, whichever its attempt.
func (r *Run) Created() time.Time { return r.GetCreatedAt().Time }

// Updated is when anything of the run changed last.
func (r *Run) Updated() time.Time { return r.GetUpdatedAt().Time }

// Dispatched is true of runs that a dispatch has started, as ours do.
func (r *Run) Dispatched() bool {
	return r.GetEvent() == "workflow_dispatch" || r.GetEvent() == "repository_dispatch"
}

// Own says whether the run is of a branch of the repository itself. A fork's
// branch can have the same name as one of these; a head repository that is
// null was a fork that is gone.
func (r *Run) Own(repoID int64) bool {
	return !OfPullRequest(r.GetEvent()) && r.GetHeadRepository().GetID() == repoID
}

// OnBranch says whether the run is of that branch of the repository itself.
func (r *Run) OnBranch(repoID int64, branch string) bool {
	return branch != "" && r.GetHeadBranch() == branch && r.Own(repoID)
}

// OldestFirst compares runs by their age, for slices.SortFunc. Ids grow with
// time, which tells those of one second apart.
func OldestFirst(a, b *Run) int {
	return cmp.Or(a.Created().Compare(b.Created()), cmp.Compare(a.GetID(), b.GetID()))
}

// Row is the run as an observation of its newest attempt, made at a moment.
func (r *Run) Row(repoID int64, now store.Millis) store.WorkflowRun {
	updated := store.MillisOf(r.Updated())
	return store.WorkflowRun{
		RepoID: repoID, RunID: r.GetID(), Attempt: max(r.GetRunAttempt(), 1), WorkflowPath: r.WorkflowPath(), Event: r.GetEvent(),
		HeadBranch: r.GetHeadBranch(), HeadSHA: r.GetHeadSHA(), Actor: r.Starter(), URL: r.GetHTMLURL(),
		Status: r.GetStatus(), Conclusion: r.GetConclusion(), CreatedAt: store.MillisOf(r.Created()),
		UpdatedAt: updated, ObservedAt: now, StartedAt: store.MillisOf(r.GetRunStartedAt().Time),
		BeganAt: Began(r.GetStatus(), updated),
	}
}

// Recorded is a run as it is on record, for one that GitHub does not show.
func Recorded(row store.WorkflowRun) *Run {
	r := &Run{Path: row.WorkflowPath}
	r.ID, r.RunAttempt, r.Event, r.HeadBranch, r.HeadSHA = &row.RunID, &row.Attempt, &row.Event, &row.HeadBranch, &row.HeadSHA
	r.HTMLURL, r.Status, r.Conclusion = &row.URL, &row.Status, &row.Conclusion
	r.Actor = &github.User{Login: &row.Actor}
	r.CreatedAt, r.UpdatedAt = &github.Timestamp{Time: row.CreatedAt.Time()}, &github.Timestamp{Time: row.UpdatedAt.Time()}
	r.Repository = &github.Repository{ID: &row.RepoID}
	return r
}

// Began is when a run began, as far as an observation tells: the moment of its
// last change while it is in progress, which for the first such sight is the
// start, and 0 otherwise.
func Began(status string, updated store.Millis) store.Millis {
	if status == "in_progress" {
		return updated
	}
	return 0
}

// OfPullRequest says whether an event is one of a pull request, whose runs can
// come from code of anybody's.
func OfPullRequest(event string) bool { return strings.HasPrefix(event, "pull_request") }

// Failed says whether a conclusion is a failure. cancelled, skipped, neutral,
// action_required and stale are somebody's decision.
func Failed(conclusion string) bool {
	switch conclusion {
	case "failure", "timed_out", "startup_failure":
		return true
	}
	return false
}

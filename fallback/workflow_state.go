package fallback

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// The states of a workflow as GitHub names them ("Get a workflow").
const (
	workflowActive   = "active"
	workflowDeleted  = "deleted"
	workflowInactive = "disabled_inactivity" // by GitHub, after 60 days without activity in a public repository
)

// byPerson is the state of a workflow that somebody has switched off on purpose.
const byPerson = "disabled_manually"

// switchedOff says whether a schedule starts nothing in this state.
func switchedOff(state string) bool { return strings.HasPrefix(state, "disabled") }

func fileName(workflowPath string) string { return url.PathEscape(path.Base(workflowPath)) }

// workflowState asks GitHub for the state of an incident's workflow.
func (e *Engine) workflowState(ctx context.Context, sc *scope) (state string, err error) {
	state, sc.repo, err = e.readState(ctx, sc.client, sc.repo, sc.inc.WorkflowPath)
	return state, err
}

// readState asks GitHub for the state of a workflow, and keeps it with the
// watch. A workflow that is not there is deleted, if the repository is. It
// returns the name that the repository has now.
func (e *Engine) readState(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string) (string, queue.Repo, error) {
	var w struct {
		State     string    `json:"state"`
		UpdatedAt time.Time `json:"updated_at"` // changes with the state
	}
	_, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name, "actions", "workflows", path.Base(workflowPath)), &w)
	if githubapi.IsNotFound(err) {
		if repo, err = e.locate(ctx, client, repo); err != nil {
			return "", repo, err
		}
		w.State = workflowDeleted
	}
	if err != nil {
		return "", repo, fmt.Errorf("read state of %s: %w", workflowPath, err)
	}
	return w.State, repo, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetWorkflowState(ctx, repo.ID, workflowPath, w.State, e.now(), min(store.MillisOf(w.UpdatedAt), e.now()))
	})
}

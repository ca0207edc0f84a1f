package fallback

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
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

func fileName(workflowPath string) string { return url.PathEscape(path.Base(workflowPath)) }

// workflowState asks GitHub for the state of an incident's workflow.
func (e *Engine) workflowState(ctx context.Context, sc *scope) (state string, err error) {
	state, sc.repo, err = e.readState(ctx, sc.client, sc.repo, sc.inc.WorkflowPath)
	return state, err
}

// readState asks GitHub for the state of a workflow, and keeps it with the
// watch. A workflow that GitHub has not shown for secondLook, in a repository
// that it shows, is deleted; until then the error is an unshownError. It returns
// the name that the repository has now.
func (e *Engine) readState(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string) (string, queue.Repo, error) {
	var w struct {
		State     string    `json:"state"`
		UpdatedAt time.Time `json:"updated_at"` // changes with the state
	}
	get := func() error {
		_, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name, "actions", "workflows", path.Base(workflowPath)), &w)
		return err
	}
	err := get()
	if githubapi.IsNotFound(err) { // it may be the repository that is gone, or has moved
		if repo, err = e.locate(ctx, client, repo); err != nil {
			return "", repo, err
		}
		err = get()
	}
	switch {
	case githubapi.IsNotFound(err):
		if until := e.doubts.again(repo, workflowPath, e.Clock.Now(), e.scaled(secondLook)); !until.IsZero() {
			return "", repo, &unshownError{repo.FullName(), workflowPath, until}
		}
		err, w.State = nil, workflowDeleted
	case err == nil:
		e.doubts.shown(repo, workflowPath)
	}
	if err == nil && w.State == "" { // it would count as switched on
		err = errors.New("the answer holds no state")
	}
	if err != nil {
		return "", repo, fmt.Errorf("read state of %s: %w", workflowPath, err)
	}
	return w.State, repo, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetWorkflowState(ctx, repo.ID, workflowPath, w.State, e.now(), min(store.MillisOf(w.UpdatedAt), e.now()))
	})
}

// CheckWorkflow is the worker of queue.CheckWorkflow: it reads the state of a
// watched workflow, and opens or wakes the incident about it.
func (e *Engine) CheckWorkflow(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.CheckWorkflow](job)
	if err != nil {
		return err
	}
	if args.Repo, err = e.addressed(ctx, args.Repo); err != nil {
		return err
	}
	flow, watched, err := e.watched(ctx, args.Repo, args.Workflow, false)
	if err != nil || !watched {
		return err
	}
	client, err := e.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	state, repo, err := e.readState(ctx, client, args.Repo, args.Workflow)
	if doubt := (*unshownError)(nil); errors.As(err, &doubt) {
		return queue.Snooze(doubt.until, err)
	}
	if err != nil {
		return e.lost(ctx, err)
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.stateSeen(ctx, tx, repo, flow, state) })
}

func (e *Engine) stateSeen(ctx context.Context, tx *store.Tx, repo queue.Repo, flow config.Workflow, state string) error {
	if schedule.SwitchedOff(state) {
		_, err := e.openDisabled(ctx, tx, repo, flow.File, state, flow)
		return err
	}
	inc, ok, err := store.StateIncident(ctx, tx, repo.ID, flow.File, string(Disabled), unsettled)
	if err != nil || !ok {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

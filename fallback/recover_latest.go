package fallback

import (
	"context"
	"fmt"
	"net/url"
	"path"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// recoverLatest looks at the newest run on the default branch and opens an
// incident when it failed.
func (e *Engine) recoverLatest(ctx context.Context, r queue.Recover, key string, flow config.Workflow) (Answer, error) {
	var err error
	if r.Repo, err = e.addressed(ctx, r.Repo); err != nil {
		return Answer{}, err
	}
	client, err := e.Clients.Installation(r.Repo.InstallationID)
	if err != nil {
		return Answer{}, err
	}
	latest, branch, err := e.latest(ctx, client, r.Repo, flow.File)
	if err != nil {
		return Answer{}, e.lost(ctx, err)
	}
	name := workflowName(flow.File)
	if latest == nil {
		return refuse("%s has never run on %s: nothing to recover.", name, branch), nil
	}
	var answer Answer
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err := e.save(ctx, tx, r.Repo, latest)
		if err != nil {
			return err
		}
		switch {
		case !known.Completed():
			answer = refuse("The latest run of %s on %s is still %s: %s", name, branch, known.Status, known.URL)
		case !runs.Failed(known.Conclusion):
			answer = refuse("Nothing to recover: the latest run of %s on %s concluded %s: %s", name, branch, known.Conclusion, known.URL)
		default:
			if answer, err = e.openFor(ctx, tx, r, known, flow); err != nil {
				return err
			}
		}
		return e.remember(ctx, tx, key, answer)
	})
	return answer, err
}

// openFor opens the incident of a failed run for who asked.
func (e *Engine) openFor(ctx context.Context, tx *store.Tx, r queue.Recover, known store.WorkflowRun, flow config.Workflow) (Answer, error) {
	inc, err := e.open(ctx, tx, opening{repo: r.Repo, run: known, flow: flow, depth: r.Depth, actor: who(r.Actor), automated: r.Automated})
	if err != nil {
		return Answer{}, err
	}
	name := workflowName(flow.File)
	if inc != nil {
		return Answer{Accepted: true, IncidentID: inc.ID, Message: fmt.Sprintf("Recovering %s, incident %d.", name, inc.ID)}, nil
	}
	past, err := store.Incidents(ctx, tx, store.IncidentFilter{RepoID: r.Repo.ID, RunID: known.RunID, Limit: 1})
	if err != nil || len(past) == 0 {
		return refuse("Nothing to recover for %s.", name), err
	}
	return Answer{IncidentID: past[0].ID, Message: fmt.Sprintf("Nothing to recover: incident %d of %s is over: %s.", past[0].ID, name, past[0].Reason)}, nil
}

// latest is the newest run of a workflow on the default branch that is not a
// pull request's; nil when there is none.
func (e *Engine) latest(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string) (*runs.Run, string, error) {
	branch, err := e.defaultBranch(ctx, client, repo)
	if err != nil {
		return nil, "", err
	}
	list, err := runs.List(ctx, client, repo, runs.Query{Workflow: workflowPath, Filter: url.Values{"branch": {branch}, "exclude_pull_requests": {"true"}}})
	if githubapi.IsNotFound(err) { // no such workflow
		return nil, branch, nil
	}
	if err != nil {
		return nil, "", err
	}
	var newest *runs.Run
	for _, r := range list.Runs {
		if path.Dir(r.WorkflowPath()) != config.WorkflowsDir || !r.Own(repo.ID) {
			continue
		}
		if newest == nil || r.Created().After(newest.Created()) {
			newest = r
		}
	}
	return newest, branch, nil
}

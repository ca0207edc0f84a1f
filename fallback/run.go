package fallback

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// save is record for those who need the run for something else. What is news to
// the record, an attempt or how far it got, is observed by a job that is
// committed with it: whoever compares lists with the record finds no difference
// from then on.
func (e *Engine) save(ctx context.Context, tx *store.Tx, repo queue.Repo, r *runs.Run) (store.WorkflowRun, error) {
	before, old, err := store.LatestAttempt(ctx, tx, repo.ID, r.GetID())
	if err != nil {
		return store.WorkflowRun{}, err
	}
	known, err := e.record(ctx, tx, repo.ID, r)
	if err != nil || old && !known.Beyond(before) {
		return known, err
	}
	switch {
	case !known.Completed(): // what a step has started is its business until it ends
		if child, err := store.IsChild(ctx, tx, repo.ID, known.RunID, known.Attempt); err != nil || child {
			return known, err
		}
	case known.Conclusion != "success" && !runs.Failed(known.Conclusion):
		return known, nil // somebody's decision; who waits for the run asks for it
	}
	return known, e.Queue.Enqueue(ctx, tx, queue.ObserveRun{Repo: repo, RunID: known.RunID}.Item())
}

// record keeps what GitHub said of a run and returns what is known of its
// newest attempt, which can be more: answers can be older than a webhook's.
func (e *Engine) record(ctx context.Context, tx *store.Tx, repoID int64, r *runs.Run) (store.WorkflowRun, error) {
	if _, err := tx.SaveRun(ctx, r.Row(repoID, e.now())); err != nil {
		return store.WorkflowRun{}, err
	}
	known, ok, err := store.LatestAttempt(ctx, tx, repoID, r.GetID())
	if err == nil && !ok {
		err = errors.New("a run that was just saved is gone")
	}
	return known, err
}

// reread reads a run from GitHub, records it, and returns the newest known attempt.
func (e *Engine) reread(ctx context.Context, client *github.Client, repo queue.Repo, id int64) (known store.WorkflowRun, err error) {
	r, err := runs.Get(ctx, client, repo, id)
	if err != nil {
		return store.WorkflowRun{}, err
	}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err = e.save(ctx, tx, repo, r)
		return err
	})
	return known, err
}

// poll is the pause before the next look at something that began at since: it
// grows with the age of the wait.
func (e *Engine) poll(since store.Millis) time.Time {
	now := e.Clock.Now()
	wait := now.Sub(since.Time()) / 2
	return now.Add(min(max(wait, e.scaled(pollMin)), e.scaled(pollMax)))
}

// workflowName is how people name a workflow: "marketing-sync".
func workflowName(workflowPath string) string {
	base := path.Base(workflowPath)
	return strings.TrimSuffix(base, path.Ext(base))
}

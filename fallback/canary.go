package fallback

import (
	"context"
	"slices"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// canary takes note that a run of a target has begun, or that it has not in
// its time; see [upstream.Health.Canary]. at is the moment of the observation.
func (e *Engine) canary(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath string, started bool, at store.Millis) error {
	return e.canaryOf(ctx, tx, repo, workflowPath, started, at, 0)
}

// canaryOf takes note of the same of a run that an incident is about, or has
// started: it may be the probe.
func (e *Engine) canaryOf(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath string, started bool, at store.Millis, incident int64) error {
	return e.upstream.Canary(ctx, tx, store.Canary{RepoID: repo.ID, WorkflowPath: workflowPath, Began: started, At: at}, incident)
}

// born is the news of an incident: some of them say that a run did not begin.
func (e *Engine) born(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	silent := inc.Conclusion == startupFailure
	switch Signal(inc.Signal) {
	case Missed, Stalled, Absent:
		silent = true
	case Upstream:
		return nil
	}
	if !silent {
		return nil
	}
	repo := queue.Repo{InstallationID: inc.InstallationID, ID: inc.RepoID, Owner: inc.Owner, Name: inc.Repo}
	if err := e.canary(ctx, tx, repo, inc.WorkflowPath, false, e.now()); err != nil {
		return err
	}
	d, err := upstream.Read(ctx, tx, upstream.Actions)
	if err != nil || d.Stored.State == storm.Closed || d.UpstreamID == 0 {
		return err
	}
	inc.UpstreamID = d.UpstreamID
	return tx.Join(ctx, d.UpstreamID, inc.ID)
}

// sample tells from a failed attempt that was just classified whether it began.
func (e *Engine) sample(ctx context.Context, sc *scope) error {
	inc := sc.inc
	if !runs.Failed(inc.Conclusion) || inc.Cause == causeUnknown {
		return nil
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), inc.RepoID, inc.RunID)
	if err != nil || !ok || known.Attempt != inc.RunAttempt {
		return err
	}
	unbegun := known.Conclusion == startupFailure ||
		inc.Conclusion == "failure" && inc.Cause == string(config.Infrastructure) && (inc.FailedStep == "" || slices.Contains(runnerSteps, inc.FailedStep))
	at := known.UpdatedAt
	if !unbegun {
		at = begunAt(known)
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.canaryOf(ctx, tx, sc.repo, inc.WorkflowPath, !unbegun, at, inc.ID)
	})
}

// begins takes a run as a canary that has begun. One that waits, or failed, is
// not judged here: why is only known from its jobs.
func (e *Engine) begins(ctx context.Context, tx *store.Tx, repo queue.Repo, r store.WorkflowRun) error {
	if r.Status != "in_progress" && r.Conclusion != "success" {
		return nil
	}
	return e.canary(ctx, tx, repo, r.WorkflowPath, true, begunAt(r))
}

// begunAt is when an attempt began, or a moment before that when it is unknown.
func begunAt(r store.WorkflowRun) store.Millis {
	for _, at := range []store.Millis{r.BeganAt, r.StartedAt} {
		if at != 0 {
			return at
		}
	}
	return r.CreatedAt
}

package fallback

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Inspect is the worker of queue.InspectRun. Where webhooks have told enough,
// it asks GitHub nothing.
func (e *Engine) Inspect(ctx context.Context, job queue.Job) error {
	return e.patient(ctx, job, e.inspectJob(ctx, job))
}

func (e *Engine) inspectJob(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.InspectRun](job)
	if err != nil {
		return err
	}
	log := zerolog.Ctx(ctx).With().Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Int64("run", args.RunID).Logger()
	ctx = log.WithContext(ctx)
	if args.Repo, err = e.addressed(ctx, args.Repo); err != nil {
		return err
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), args.Repo.ID, args.RunID)
	if err != nil || !ok || known.Completed() || known.Tombstone != "" {
		return err
	}
	if known.Attempt != args.Attempt {
		return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.inspectLater(ctx, tx, args.Repo, known) })
	}
	flow, watched, err := e.inspected(ctx, args.Repo, known)
	if err != nil || !watched {
		return err
	}
	if soonest := known.BeganAt.Time().Add(stall.Learn(flow.Stall, stall.History{}).Scaled(e.Scale).Running); known.BeganAt != 0 && e.Clock.Now().Before(soonest) {
		return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.inspectAt(ctx, tx, args, soonest) })
	}
	return e.inspect(ctx, args, flow)
}

// inspected says whether an attempt is looked after here, and by what
// configuration. One that a step has started is its step's business, and one
// from before the workflow was watched is nobody's: some runs are stuck for ever.
func (e *Engine) inspected(ctx context.Context, repo queue.Repo, run store.WorkflowRun) (flow config.Workflow, ok bool, err error) {
	flow, ok, err = e.watched(ctx, repo, run.WorkflowPath, false)
	if err != nil || !ok || runs.OfPullRequest(run.Event) {
		return flow, false, err
	}
	w, known, err := store.ReadWatch(ctx, e.Store.Read(), repo.ID, run.WorkflowPath)
	if err != nil || known && ready(run).Before(w.WatchedSince.Time()) {
		return flow, false, err
	}
	child, err := store.IsChild(ctx, e.Store.Read(), repo.ID, run.RunID, run.Attempt)
	return flow, !child, err
}

// inspect asks GitHub for the run as it stands.
func (e *Engine) inspect(ctx context.Context, args queue.InspectRun, flow config.Workflow) error {
	client, err := e.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	r, err := runs.Get(ctx, client, args.Repo, args.RunID)
	if githubapi.IsNotFound(err) {
		return e.unshown(ctx, args)
	}
	if err != nil {
		return e.lost(ctx, err)
	}
	args.MissingSince = 0
	known, err := e.sight(ctx, args.Repo, r)
	switch {
	case err != nil:
		return err
	case known.Completed(): // its webhook was lost; save has it observed
		return nil
	case known.Attempt != args.Attempt:
		return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.inspectLater(ctx, tx, args.Repo, known) })
	}
	j, err := e.judge(ctx, client, args.Repo, known, flow.Stall)
	if err != nil {
		return err
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.sing(ctx, tx, args.Repo, known, j); err != nil {
			return err
		}
		switch j.Level {
		case stall.Fine, stall.Waiting, stall.Unseen:
			return e.inspectAt(ctx, tx, args, j.Next)
		default:
			return e.suspectStall(ctx, tx, args, known, flow, j)
		}
	})
}

// unshown looks again for a run that GitHub does not show before it believes
// that it was deleted and there is nothing to look after: a reader of GitHub's
// that lags behind answers so, too.
func (e *Engine) unshown(ctx context.Context, args queue.InspectRun) error {
	if args.MissingSince == 0 {
		args.MissingSince = e.Clock.Now().UnixMilli()
	}
	settled := time.UnixMilli(args.MissingSince).Add(e.scaled(settleRead))
	if !e.Clock.Now().Before(settled) {
		return nil
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.inspectAt(ctx, tx, args, settled) })
}

// sing tells the canary whether a run has begun in time.
func (e *Engine) sing(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun, j judged) error {
	switch {
	case j.Status == "pending" || !j.Unseen.IsZero(): // no runner is missed
	case j.Steps > 0:
		return e.canary(ctx, tx, repo, run.WorkflowPath, true, store.MillisOf(j.Began))
	case j.Level == stall.Suspected || j.Level == stall.Stuck:
		return e.canary(ctx, tx, repo, run.WorkflowPath, false, e.now())
	}
	return nil
}

// sight records a run like save, and gives it the status that GitHub shows
// now: within one second, which is what its times tell apart, a run can be
// queued, held back and queued again, and the record keeps one of these.
func (e *Engine) sight(ctx context.Context, repo queue.Repo, r *runs.Run) (known store.WorkflowRun, err error) {
	return known, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err = e.save(ctx, tx, repo, r)
		if err == nil && known.Attempt == r.GetRunAttempt() && !known.Completed() {
			known.Status, known.UpdatedAt = r.GetStatus(), max(known.UpdatedAt, store.MillisOf(r.Updated()))
		}
		return err
	})
}

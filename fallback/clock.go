package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// RunClock is [clock.Clock.Run].
func (e *Engine) RunClock(ctx context.Context) { e.clock.Run(ctx) }

// Enrol is [clock.Clock.Enrol].
func (e *Engine) Enrol(ctx context.Context, tx *store.Tx, repo queue.Repo, c config.Repository, facts map[string]config.WorkflowFacts) error {
	return e.clock.Enrol(ctx, tx, repo, c, facts)
}

// Relearn is [clock.Clock.Relearn].
func (e *Engine) Relearn(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error {
	return e.clock.Relearn(ctx, tx, repoID, workflowPath)
}

// Seen takes a run of a watched workflow on the default branch from a
// delivery: it is recorded, matched to its tick, and whoever waits for it is
// woken. Nothing is concluded from it but that the run exists; it may come any
// number of times and in any order.
func (e *Engine) Seen(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error {
	run.RepoID, run.ObservedAt = repo.ID, e.now()
	run.BeganAt = runs.Began(run.Status, run.UpdatedAt)
	known, err := tx.SaveRun(ctx, run)
	if err != nil {
		return err
	}
	if known, err = e.clock.Match(ctx, tx, repo, known); err != nil {
		return err
	}
	return e.inspectLater(ctx, tx, repo, known)
}

// tickIncidents is the engine as the clock sees it: [clock.Incidents].
type tickIncidents struct{ e *Engine }

func (t tickIncidents) Suspect(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch, tick schedule.Tick, flow config.Workflow) (int64, error) {
	inc, err := t.e.suspectTick(ctx, tx, repo, w, tick, flow)
	if err != nil || inc == nil {
		return 0, err
	}
	return inc.ID, nil
}

func (t tickIncidents) Answered(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error {
	return t.e.wakeTick(ctx, tx, repo, run)
}

func (t tickIncidents) Wanted(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string, since time.Time) (map[schedule.Tick]bool, error) {
	list, err := store.TickIncidents(ctx, tx, store.TickFilter{
		RepoID: repoID, WorkflowPath: workflowPath, Signal: string(Missed), States: unsettled, Done: true, After: store.MillisOf(since),
	})
	if err != nil {
		return nil, err
	}
	wanted := make(map[schedule.Tick]bool, len(list))
	for _, inc := range list {
		wanted[schedule.Tick{At: inc.TickAt.Time(), Cron: inc.TickCron}] = true
	}
	return wanted, nil
}

func (t tickIncidents) Returned(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error {
	return t.e.wakeMissed(ctx, tx, repoID, workflowPath, unsettled...)
}

func (t tickIncidents) Address(ctx context.Context, repo queue.Repo) (queue.Repo, error) {
	return t.e.addressed(ctx, repo)
}

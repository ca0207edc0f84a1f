package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

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
	if known, err = e.matchTick(ctx, tx, repo, known); err != nil {
		return err
	}
	return e.inspectLater(ctx, tx, repo, known)
}

// matchTick matches a run to its tick and wakes the tick's incident, which
// wants to know of whatever happens to the run.
func (e *Engine) matchTick(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) (store.WorkflowRun, error) {
	if run.Event == clockEvent && run.TickAt != 0 {
		return run, e.wakeTick(ctx, tx, repo, run)
	}
	return e.matchRun(ctx, tx, repo, run)
}

// matchRun finds the tick that a run of the schedule answers and writes it
// down for good; the tick's incident is woken once. Runs of anything else, and
// those that have their tick, come back as they are.
func (e *Engine) matchRun(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) (store.WorkflowRun, error) {
	if run.Event != clockEvent || run.TickAt != 0 {
		return run, nil
	}
	run, err := e.assign(ctx, tx, run)
	if err != nil {
		return run, err
	}
	return run, e.wakeTick(ctx, tx, repo, run)
}

// assign decides which tick a run answers. Another attempt of the run answers
// the same one.
func (e *Engine) assign(ctx context.Context, tx *store.Tx, run store.WorkflowRun) (store.WorkflowRun, error) {
	other, ok, err := store.TickOfRun(ctx, tx, run.RepoID, run.RunID)
	if err != nil {
		return run, err
	}
	if ok {
		run.TickAt, run.TickCron = other.TickAt, other.TickCron
		return run, tx.AnswerTick(ctx, run.RepoID, run.RunID, run.TickAt, run.TickCron)
	}
	w, ok, err := store.ReadWatch(ctx, tx, run.RepoID, run.WorkflowPath)
	if err != nil || !ok {
		return run, err
	}
	facts, flow, err := readWatch(&w)
	if err != nil {
		return run, err
	}
	young, err := readCrons(&w)
	if err != nil {
		return run, err
	}
	if switchedOff(w.WorkflowState) && run.CreatedAt > w.StateAt { // somebody has switched it on
		if err := tx.SetWorkflowState(ctx, run.RepoID, run.WorkflowPath, "active", run.CreatedAt, run.CreatedAt); err != nil {
			return run, err
		}
	}
	created := run.CreatedAt.Time()
	answered, _, err := answeredTicks(ctx, tx, run.RepoID, run.WorkflowPath, created.Add(-schedule.MaxLate))
	if err != nil {
		return run, err
	}
	wanted, err := wantedTicks(ctx, tx, run.RepoID, run.WorkflowPath, created.Add(-schedule.MaxLate))
	if err != nil {
		return run, err
	}
	t, ok := e.clock.schedule(facts.Crons).Match(created, func(t schedule.Tick) bool { return answered[t] || young.before(t) }, func(t schedule.Tick) bool { return wanted[t] })
	if !ok {
		return run, nil
	}
	run.TickAt, run.TickCron = store.MillisOf(t.At), t.Cron
	if err := tx.AnswerTick(ctx, run.RepoID, run.RunID, run.TickAt, run.TickCron); err != nil {
		return run, err
	}
	if run.TickAt < w.WatchedSince { // history: learned from, nobody's otherwise
		return run, nil
	}
	return run, e.came(ctx, tx, &run, created.Sub(t.At), e.scaled(e.grace(&w, flow).Soft))
}

// wantedTicks are the ticks since a moment whose late run somebody has to know
// of: it is waited for, or its work was done in its place.
func wantedTicks(ctx context.Context, tx *store.Tx, repoID int64, path string, since time.Time) (map[schedule.Tick]bool, error) {
	list, err := store.TickIncidents(ctx, tx, store.TickFilter{
		RepoID: repoID, WorkflowPath: path, Signal: string(Missed), States: append([]string{string(Recovered)}, unsettled...), After: store.MillisOf(since),
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

// came accounts for the run of a watched tick.
func (e *Engine) came(ctx context.Context, tx *store.Tx, run *store.WorkflowRun, lag, soft time.Duration) error {
	e.clock.metrics.lateness(tx, lag)
	known, _, err := store.ReadTick(ctx, tx, run.RepoID, run.WorkflowPath, run.TickAt, run.TickCron)
	if err != nil {
		return err
	}
	row := store.Tick{
		RepoID: run.RepoID, WorkflowPath: run.WorkflowPath, TickAt: run.TickAt, Cron: run.TickCron,
		Outcome: store.TickLate, IncidentID: known.IncidentID, At: e.now(),
	}
	if lag > soft {
		e.clock.metrics.tick(tx, store.TickLate)
		return tx.SaveTick(ctx, row)
	}
	e.clock.metrics.tick(tx, tickAnswered)
	return tx.DeleteTick(ctx, row) // the news of it were late, not the run
}

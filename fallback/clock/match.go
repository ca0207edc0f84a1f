package clock

import (
	"context"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// TwinWithin is how far apart two runs are created that GitHub starts for one
// tick. Further apart, it is taken for a schedule that we do not know.
const TwinWithin = 15 * time.Minute

// Match gives a run of the schedule the tick that it answers, for good, and
// tells [Incidents] of it, who want to know of whatever happens to such a run.
// Runs of anything else come back as they are.
func (c *Clock) Match(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) (store.WorkflowRun, error) {
	if run.Event != schedule.Event {
		return run, nil
	}
	if run.TickAt == 0 {
		var err error
		if run, err = c.Assign(ctx, tx, run); err != nil || run.TickAt == 0 {
			return run, err
		}
	}
	return run, c.Incidents.Answered(ctx, tx, repo, run)
}

// Assign is Match for a run of the schedule without a tick, and tells nobody.
// Another attempt of a run answers the same tick.
func (c *Clock) Assign(ctx context.Context, tx *store.Tx, run store.WorkflowRun) (store.WorkflowRun, error) {
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
	facts, flow, err := ReadWatch(&w)
	if err != nil {
		return run, err
	}
	if schedule.SwitchedOff(w.WorkflowState) && run.CreatedAt > w.StateAt { // somebody has switched it on
		if err := tx.SetWorkflowState(ctx, run.RepoID, run.WorkflowPath, "active", run.CreatedAt, run.CreatedAt); err != nil {
			return run, err
		}
	}
	created := run.CreatedAt.Time()
	t, ok, err := c.tickOf(ctx, tx, &w, facts.Crons, created)
	if err != nil || !ok {
		return run, err
	}
	run.TickAt, run.TickCron = store.MillisOf(t.At), t.Cron
	if err := tx.AnswerTick(ctx, run.RepoID, run.RunID, run.TickAt, run.TickCron); err != nil {
		return run, err
	}
	if run.TickAt < w.WatchedSince { // history: learned from, nobody's otherwise
		return run, nil
	}
	return run, c.came(ctx, tx, &run, created.Sub(t.At), c.scaled(Grace(&w, flow).Soft))
}

// tickOf decides which tick of a watch a run created at a moment answers. With
// [schedule.Set.Match], a tick that is wanted of a cron which has left the file
// since is answered as well: GitHub starts the run that was due all the same.
func (c *Clock) tickOf(ctx context.Context, tx *store.Tx, w *store.Watch, crons []config.Cron, created time.Time) (t schedule.Tick, ok bool, err error) {
	young, err := readCrons(w)
	if err != nil {
		return t, false, err
	}
	since := created.Add(-schedule.MaxLate)
	answered, _, err := answeredTicks(ctx, tx, w.RepoID, w.WorkflowPath, since)
	if err != nil {
		return t, false, err
	}
	wanted, err := c.Incidents.Wanted(ctx, tx, w.RepoID, w.WorkflowPath, since)
	if err != nil {
		return t, false, err
	}
	set := c.Schedule(crons)
	t, ok = set.Match(created, func(t schedule.Tick) bool { return answered[t] || young.before(t) }, func(t schedule.Tick) bool { return wanted[t] })
	if newest := set.Last(since, created.Add(schedule.Skew), 1); ok && len(newest) > 0 && !t.At.Before(newest[0].At) {
		return t, true, nil
	}
	for f := range wanted {
		former := !slices.ContainsFunc(crons, func(c config.Cron) bool { return schedule.Name(c) == f.Cron })
		if former && !answered[f] && !f.At.After(created.Add(schedule.Skew)) && (!ok || !wanted[t] || t.Compare(f) < 0) {
			t, ok = f, true
		}
	}
	if !ok || wanted[t] {
		return t, ok, nil
	}
	twin, err := isTwin(ctx, tx, w, t, store.MillisOf(created))
	return t, !twin && err == nil, err
}

// isTwin says that a run which could be the late answer of a tick that nobody
// has watched is the second one of a newer tick instead: GitHub sometimes
// starts two.
func isTwin(ctx context.Context, tx *store.Tx, w *store.Watch, t schedule.Tick, created store.Millis) (bool, error) {
	at := store.MillisOf(t.At)
	if at >= w.WatchedSince {
		known, ok, err := store.ReadTick(ctx, tx, w.RepoID, w.WorkflowPath, at, t.Cron)
		if err != nil || !ok || known.Outcome != store.TickUnwatched {
			return false, err
		}
	}
	other, ok, err := store.TickRunNear(ctx, tx, w.RepoID, w.WorkflowPath, created, store.Millis(TwinWithin.Milliseconds()))
	return ok && other.TickAt > at, err
}

// came accounts for the run of a watched tick.
func (c *Clock) came(ctx context.Context, tx *store.Tx, run *store.WorkflowRun, lag, soft time.Duration) error {
	c.metrics.lateness(tx, lag)
	known, _, err := store.ReadTick(ctx, tx, run.RepoID, run.WorkflowPath, run.TickAt, run.TickCron)
	if err != nil {
		return err
	}
	row := store.Tick{
		RepoID: run.RepoID, WorkflowPath: run.WorkflowPath, TickAt: run.TickAt, Cron: run.TickCron,
		Outcome: store.TickLate, IncidentID: known.IncidentID, At: c.now(),
	}
	if lag > soft {
		c.metrics.tick(tx, store.TickLate)
		return tx.SaveTick(ctx, row)
	}
	c.metrics.tick(tx, tickAnswered)
	return tx.DeleteTick(ctx, row) // the news of it were late, not the run
}

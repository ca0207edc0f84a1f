package clock

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// maxAnswered bounds the ticks that are read at once to see which have a run.
const maxAnswered = 1000

// lookAt settles the ticks of a watch that should have been answered by now.
func (c *Clock) lookAt(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	facts, flow, err := ReadWatch(w)
	if err != nil {
		return err
	}
	if err := c.learn(ctx, tx, w, now); err != nil {
		return err
	}
	set := c.Schedule(facts.Crons)
	through := now.Add(-c.scaled(Grace(w, flow).Soft))
	if ticks := set.Between(w.SettledThrough.Time(), through, 2*maxChecked); len(ticks) > 0 {
		if asked, err := c.askState(ctx, tx, w, ticks[len(ticks)-1]); err != nil {
			return err
		} else if asked {
			w.DueAt = store.MillisOf(now.Add(c.scaled(stateWait)))
			return tx.SettleWatch(ctx, w)
		}
		if err := c.settleTicks(ctx, tx, w, flow, ticks); err != nil {
			return err
		}
		w.SettledThrough = store.MillisOf(ticks[len(ticks)-1].At)
	}
	c.plan(w, set, flow)
	return tx.SettleWatch(ctx, w)
}

// plan sets when a watch is due: once the first tick that is not settled is
// late beyond its soft grace.
func (c *Clock) plan(w *store.Watch, set schedule.Set, flow config.Workflow) {
	w.DueAt = 0
	if t, ok := set.Next(w.SettledThrough.Time()); ok {
		w.DueAt = store.MillisOf(t.At.Add(c.scaled(Grace(w, flow).Soft)))
	}
}

// settleTicks accounts for ticks, oldest first.
func (c *Clock) settleTicks(ctx context.Context, tx *store.Tx, w *store.Watch, flow config.Workflow, ticks []schedule.Tick) error {
	answered, newest, err := answeredTicks(ctx, tx, w.RepoID, w.WorkflowPath, ticks[0].At)
	if err != nil {
		return err
	}
	watchable, err := store.Watchable(ctx, tx, w.RepoID)
	if err != nil {
		return err
	}
	if watchable {
		if err := c.stateLater(ctx, tx, w); err != nil {
			return err
		}
	}
	young, err := readCrons(w)
	if err != nil {
		return err
	}
	list := standing{
		answered: answered, newest: newest, young: young, since: w.WatchedSince.Time(),
		off: !watchable || schedule.SwitchedOff(w.WorkflowState), catchup: CatchupOf(flow),
	}.fates(ticks)
	return c.seal(ctx, tx, w, flow, list)
}

// seal writes down what becomes of ticks, and hands on those without a run.
func (c *Clock) seal(ctx context.Context, tx *store.Tx, w *store.Watch, flow config.Workflow, list []fate) (err error) {
	var repo queue.Repo
	if slices.ContainsFunc(list, func(f fate) bool { return f.outcome == store.TickSuspected }) {
		if repo, err = c.watchedRepo(ctx, w); err != nil {
			return err
		}
	}
	for _, f := range list {
		if f.outcome != store.TickSuspected {
			if err := c.writeOff(ctx, tx, w, f); err != nil {
				return err
			}
			continue
		}
		incident, err := c.Incidents.Suspect(ctx, tx, repo, w, f.Tick, flow)
		if err != nil {
			return err
		}
		if incident != 0 {
			zerolog.Ctx(ctx).Info().Str("repo", repo.FullName()).Int64("incident", incident).Str("workflow", w.WorkflowPath).
				Time("tick", f.At).Msg("no run has answered a tick of the schedule")
		}
	}
	return nil
}

func (c *Clock) writeOff(ctx context.Context, tx *store.Tx, w *store.Watch, f fate) error {
	c.metrics.tick(tx, f.outcome)
	return tx.SaveTick(ctx, store.Tick{
		RepoID: w.RepoID, WorkflowPath: w.WorkflowPath, TickAt: store.MillisOf(f.At), Cron: f.Cron, Outcome: f.outcome, At: c.now(),
	})
}

// answeredTicks are the ticks from since on that have a run, and the newest
// moment among them of each cron.
func answeredTicks(ctx context.Context, tx *store.Tx, repoID int64, path string, since time.Time) (answered map[schedule.Tick]bool, newest map[string]time.Time, err error) {
	// The bound is above what a window can hold: the ticks of 48 h, every five minutes.
	list, err := store.RunTicks(ctx, tx, repoID, path, store.MillisOf(since.Add(-schedule.Early)), maxAnswered)
	if err != nil {
		return nil, newest, err
	}
	answered, newest = make(map[schedule.Tick]bool, len(list)), map[string]time.Time{}
	for _, r := range list {
		answered[schedule.Tick{At: r.TickAt.Time(), Cron: r.TickCron}] = true
		newest[r.TickCron] = laterOf(newest[r.TickCron], r.TickAt.Time())
	}
	return answered, newest, nil
}

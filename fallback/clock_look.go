package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// maxChecked bounds the ticks of a watch that are made up for after nobody has
// looked for long, the newest ones. As many before them are recorded as
// unwatched; what is older leaves no trace.
const maxChecked = 50

// maxAnswered bounds the ticks that are read at once to see which have a run.
const maxAnswered = 1000

// look settles the ticks of a watch that should have been answered by now.
func (e *Engine) look(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	facts, flow, err := readWatch(w)
	if err != nil {
		return err
	}
	if err := e.learn(ctx, tx, w, now); err != nil {
		return err
	}
	set := e.clock.schedule(facts.Crons)
	through := now.Add(-e.scaled(e.grace(w, flow).Soft))
	if ticks := set.Between(w.SettledThrough.Time(), through, 2*maxChecked); len(ticks) > 0 {
		if asked, err := e.askState(ctx, tx, w, ticks[len(ticks)-1]); err != nil {
			return err
		} else if asked {
			w.DueAt = store.MillisOf(now.Add(e.scaled(stateWait)))
			return tx.SettleWatch(ctx, w)
		}
		if err := e.settleTicks(ctx, tx, w, flow, ticks); err != nil {
			return err
		}
		w.SettledThrough = store.MillisOf(ticks[len(ticks)-1].At)
	}
	e.plan(w, set, flow)
	return tx.SettleWatch(ctx, w)
}

// plan sets when a watch is due: once the first tick that is not settled is
// late beyond its soft grace.
func (e *Engine) plan(w *store.Watch, set schedule.Set, flow config.Workflow) {
	w.DueAt = 0
	if t, ok := set.Next(w.SettledThrough.Time()); ok {
		w.DueAt = store.MillisOf(t.At.Add(e.scaled(e.grace(w, flow).Soft)))
	}
}

// settleTicks accounts for ticks: those with a run need nothing, those that a
// newer one has taken the place of are written off, the others are suspected.
func (e *Engine) settleTicks(ctx context.Context, tx *store.Tx, w *store.Watch, flow config.Workflow, ticks []schedule.Tick) error {
	answered, newest, err := answeredTicks(ctx, tx, w.RepoID, w.WorkflowPath, ticks[0].At)
	if err != nil {
		return err
	}
	watchable, err := store.Watchable(ctx, tx, w.RepoID)
	if err != nil {
		return err
	}
	if watchable {
		if err := e.stateLater(ctx, tx, w); err != nil {
			return err
		}
	}
	watchable = watchable && !switchedOff(w.WorkflowState)
	young, err := readCrons(w)
	if err != nil {
		return err
	}
	var missing []schedule.Tick
	for i, t := range ticks {
		var outcome store.TickOutcome
		switch {
		case answered[t], young.before(t):
			continue
		case !watchable || i < len(ticks)-maxChecked || t.At.Before(w.WatchedSince.Time()):
			outcome = store.TickUnwatched
		case t.At.Before(newest) && catchupOf(flow) != config.CatchupAll:
			outcome = store.TickDropped
		default:
			missing = append(missing, t)
			continue
		}
		if err := e.writeOff(ctx, tx, w, t, outcome); err != nil {
			return err
		}
	}
	return e.suspectTicks(ctx, tx, w, flow, missing)
}

// stateLater has the state of a watched workflow read now and then.
func (e *Engine) stateLater(ctx context.Context, tx *store.Tx, w *store.Watch) error {
	if e.Clock.Since(max(w.StateAt, w.WatchedSince).Time()) < e.scaled(stateEvery) {
		return nil
	}
	repo, err := e.watchedRepo(ctx, w)
	if err != nil {
		return err
	}
	return e.checkState(ctx, tx, repo, w)
}

// suspectTicks hands on ticks without a run. Of several that are found at
// once, the newest stands for all where only the latest is made up for.
func (e *Engine) suspectTicks(ctx context.Context, tx *store.Tx, w *store.Watch, flow config.Workflow, missing []schedule.Tick) error {
	if len(missing) == 0 {
		return nil
	}
	repo, err := e.watchedRepo(ctx, w)
	if err != nil {
		return err
	}
	latest := missing[len(missing)-1].At
	for _, t := range missing {
		if t.At.Before(latest) && (flow.Schedule.Catchup == "" || flow.Schedule.Catchup == config.CatchupLatest) {
			if err := e.writeOff(ctx, tx, w, t, store.TickDropped); err != nil {
				return err
			}
			continue
		}
		inc, err := e.suspectTick(ctx, tx, repo, w, t.At, t.Cron, flow)
		if err != nil {
			return err
		}
		if inc != nil {
			e.clock.metrics.tick(tx, store.TickSuspected)
			zerolog.Ctx(ctx).Info().Str("repo", repo.FullName()).Int64("incident", inc.ID).Str("workflow", w.WorkflowPath).
				Time("tick", t.At).Msg("no run has answered a tick of the schedule")
		}
	}
	return nil
}

func (e *Engine) writeOff(ctx context.Context, tx *store.Tx, w *store.Watch, t schedule.Tick, outcome store.TickOutcome) error {
	e.clock.metrics.tick(tx, outcome)
	return tx.SaveTick(ctx, store.Tick{
		RepoID: w.RepoID, WorkflowPath: w.WorkflowPath, TickAt: store.MillisOf(t.At), Cron: t.Cron, Outcome: outcome, At: e.now(),
	})
}

// answeredTicks are the ticks from since on that have a run, and the newest
// moment among them.
func answeredTicks(ctx context.Context, tx *store.Tx, repoID int64, path string, since time.Time) (answered map[schedule.Tick]bool, newest time.Time, err error) {
	// The bound is above what a window can hold: the ticks of 48 h, every five minutes.
	list, err := store.RunTicks(ctx, tx, repoID, path, store.MillisOf(since.Add(-schedule.Skew)), maxAnswered)
	if err != nil {
		return nil, newest, err
	}
	answered = make(map[schedule.Tick]bool, len(list))
	for _, r := range list {
		answered[schedule.Tick{At: r.TickAt.Time(), Cron: r.TickCron}] = true
		newest = laterOf(newest, r.TickAt.Time())
	}
	return answered, newest, nil
}

// watchedRepo addresses the repository of a watch.
func (e *Engine) watchedRepo(ctx context.Context, w *store.Watch) (queue.Repo, error) {
	repo := queue.Repo{InstallationID: w.InstallationID, ID: w.RepoID}
	repo, err := e.addressed(ctx, repo)
	if err != nil || repo.Owner != "" {
		return repo, err
	}
	c, known, err := e.Store.RepositoryConfig(ctx, w.RepoID)
	if err == nil && !known {
		err = &watchError{fmt.Errorf("repository %d is not on record", w.RepoID)}
	}
	repo.Owner, repo.Name = c.Owner, c.Name
	return repo, err
}

// watchError says that something is wrong with one watch. The others go on.
type watchError struct{ error }

func (e *watchError) Unwrap() error { return e.error }

// readWatch decodes what stands in a watch.
func readWatch(w *store.Watch) (facts config.WorkflowFacts, flow config.Workflow, err error) {
	if err = json.Unmarshal([]byte(w.Facts), &facts); err == nil {
		err = json.Unmarshal([]byte(w.Flow), &flow)
	}
	if err != nil {
		err = &watchError{fmt.Errorf("decode watch of %s: %w", w.WorkflowPath, err)}
	}
	return facts, flow, err
}

package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// tickKey is the occurrence of an incident's tick or a run's.
func tickKey(repo queue.Repo, workflowPath, cron string, tick store.Millis) string {
	return clock.TickKey(repo.InstallationID, repo.ID, workflowPath, cron, tick.Time())
}

// suspectTick opens the incident of a tick that no run has answered within the
// soft grace, and wakes it. nil when the tick has one already.
func (e *Engine) suspectTick(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch, t schedule.Tick, flow config.Workflow) (*store.Incident, error) {
	ladder, err := json.Marshal(flow)
	if err != nil {
		return nil, fmt.Errorf("write ladder: %w", err)
	}
	tick, now := store.MillisOf(t.At), e.now()
	key, err := onRecord(ctx, tx, repo, func(at queue.Repo) string { return tickKey(at, w.WorkflowPath, t.Cron, tick) })
	if err != nil {
		return nil, err
	}
	inc := &store.Incident{
		OccurrenceKey:  key,
		InstallationID: repo.InstallationID, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name,
		WorkflowPath: w.WorkflowPath, Event: schedule.Event, RunCreatedAt: tick, Signal: string(Missed),
		TickAt: tick, TickCron: t.Cron, BeganAt: tick, State: string(Healthy), Ladder: string(ladder), OpenedAt: now, UpdatedAt: now,
	}
	opened, err := tx.OpenIncident(ctx, inc)
	if err != nil || !opened {
		return nil, err
	}
	evidence := map[string]any{"tick": t.At.UTC(), "cron": t.Cron}
	if clock.CatchupOf(flow) != config.CatchupAll {
		silence, err := e.takePlace(ctx, tx, inc, e.scaled(clock.Grace(w, flow).Hard), Suspected, Failing, Suppressed)
		if err != nil {
			return nil, err
		}
		if silence < inc.BeganAt {
			inc.BeganAt = silence
			evidence["silent_since"] = silence.Time()
		}
	}
	if err := e.move(ctx, tx, inc, Suspected, fmt.Sprintf("no run has answered the tick of %s yet", showTick(inc)), evidence); err != nil {
		return nil, err
	}
	if err := e.saveTick(ctx, tx, inc, store.TickSuspected); err != nil {
		return nil, err
	}
	return inc, e.wake(ctx, tx, inc.ID)
}

// takePlace ends the incidents of earlier ticks of the cron in the given states for which
// nothing was begun: only the latest is made up for. It returns when the
// silence began that this tick belongs to. A schedule of every five minutes
// would have a newer tick before any of them could be believed to be missed,
// so the time without a run is counted from the first one; ticks that are
// further apart than the hard grace wait for their own.
func (e *Engine) takePlace(ctx context.Context, tx *store.Tx, inc *store.Incident, hard time.Duration, states ...State) (store.Millis, error) {
	older, err := store.TickIncidents(ctx, tx, store.TickFilter{
		RepoID: inc.RepoID, WorkflowPath: inc.WorkflowPath, Signal: string(Missed), Cron: inc.TickCron, States: stateNames(states), Before: inc.TickAt, Untouched: true,
	})
	if err != nil {
		return 0, err
	}
	silence := inc.BeganAt
	for i := range older {
		o := &older[i]
		if inc.TickAt.Time().Sub(o.TickAt.Time()) < hard {
			silence = min(silence, o.BeganAt)
		}
		if err := e.dropTick(ctx, tx, o, map[string]any{"tick": inc.TickAt.Time(), "incident": inc.ID}); err != nil {
			return 0, err
		}
	}
	return silence, nil
}

// dropTick ends the incident of a tick that a newer one has taken the place of.
func (e *Engine) dropTick(ctx context.Context, tx *store.Tx, inc *store.Incident, newer map[string]any) error {
	if err := e.saveTick(ctx, tx, inc, store.TickDropped); err != nil {
		return err
	}
	inc.HeldBy, inc.NotBefore = "", 0
	return e.move(ctx, tx, inc, Superseded, "a newer tick took its place", newer)
}

// saveTick records what became of the tick of an incident.
func (e *Engine) saveTick(ctx context.Context, tx *store.Tx, inc *store.Incident, outcome store.TickOutcome) error {
	return e.clock.Became(ctx, tx, store.Tick{
		RepoID: inc.RepoID, WorkflowPath: inc.WorkflowPath, TickAt: inc.TickAt, Cron: inc.TickCron, Outcome: outcome, IncidentID: inc.ID, At: e.now(),
	})
}

// wakeTick wakes the incident of the tick that a run answers, whatever has
// become of it: the run can be the late one of a tick that a recovery has done.
func (e *Engine) wakeTick(ctx context.Context, tx *store.Tx, repo queue.Repo, r store.WorkflowRun) error {
	if r.TickAt == 0 {
		return nil
	}
	key, err := occurrenceOnRecord(ctx, tx, repo, r)
	if err != nil {
		return err
	}
	inc, ok, err := store.IncidentOfKey(ctx, tx, key)
	if err != nil || !ok {
		return err
	}
	if State(inc.State) == Healthy {
		if done, err := doneOtherwise(ctx, tx, &inc); err != nil || !done {
			return err
		}
	}
	return e.wake(ctx, tx, inc.ID)
}

// wakeMissed wakes the incidents of ticks of a workflow that are not over: a
// run of it has succeeded, or the tick before them is settled.
func (e *Engine) wakeMissed(ctx context.Context, tx *store.Tx, repoID int64, path string, states ...string) error {
	list, err := store.TickIncidents(ctx, tx, store.TickFilter{RepoID: repoID, WorkflowPath: path, Signal: string(Missed), States: states})
	if err != nil {
		return err
	}
	for i := range list {
		if err := e.wake(ctx, tx, list[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// showTick is the tick of an incident for people.
func showTick(inc *store.Incident) string { return inc.TickAt.Time().Format(timeFormat) }

func stateNames(states []State) []string {
	names := make([]string, 0, len(states))
	for _, s := range states {
		names = append(names, string(s))
	}
	return names
}

package fallback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// TickKey identifies the work of one tick of a schedule for good: whether its
// run never comes, comes late or fails, it is one occurrence with one claim.
// cron is "spec|timezone"; the moment counts in UTC and to the second.
func TickKey(installationID, repoID int64, workflowPath, cron string, tick time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%d|%s|%s|%s", installationID, repoID, workflowPath, cron, tick.UTC().Format(time.RFC3339)))
	return hex.EncodeToString(sum[:])
}

// tickKey is the occurrence of an incident's tick or a run's.
func tickKey(repo queue.Repo, workflowPath, cron string, tick store.Millis) string {
	return TickKey(repo.InstallationID, repo.ID, workflowPath, cron, tick.Time())
}

// suspectTick opens the incident of a tick that no run has answered within the
// soft grace, and wakes it. nil when the tick has one already, or is nobody's:
// GitHub has switched the workflow off.
func (e *Engine) suspectTick(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch, at time.Time, cron string, flow config.Workflow) (*store.Incident, error) {
	ladder, err := json.Marshal(flow)
	if err != nil {
		return nil, fmt.Errorf("write ladder: %w", err)
	}
	tick, now := store.MillisOf(at), e.now()
	inc := &store.Incident{
		OccurrenceKey:  tickKey(repo, w.WorkflowPath, cron, tick),
		InstallationID: repo.InstallationID, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name,
		WorkflowPath: w.WorkflowPath, Event: clockEvent, RunCreatedAt: tick, Signal: string(Missed),
		TickAt: tick, TickCron: cron, BeganAt: tick, State: string(Healthy), Ladder: string(ladder), OpenedAt: now, UpdatedAt: now,
	}
	opened, err := tx.OpenIncident(ctx, inc)
	if err != nil || !opened {
		return nil, err
	}
	reason := fmt.Sprintf("no run has answered the tick of %s yet", at.UTC().Format(timeFormat))
	if err := e.move(ctx, tx, inc, Suspected, reason, map[string]any{"tick": at.UTC(), "cron": cron}); err != nil {
		return nil, err
	}
	if err := e.saveTick(ctx, tx, inc, store.TickSuspected); err != nil {
		return nil, err
	}
	return inc, e.wake(ctx, tx, inc.ID)
}

// saveTick records what became of the tick of an incident.
func (e *Engine) saveTick(ctx context.Context, tx *store.Tx, inc *store.Incident, outcome store.TickOutcome) error {
	return tx.SaveTick(ctx, store.Tick{
		RepoID: inc.RepoID, WorkflowPath: inc.WorkflowPath, TickAt: inc.TickAt, Cron: inc.TickCron, Outcome: outcome, IncidentID: inc.ID, At: e.now(),
	})
}

// wakeTick wakes the incident of the tick that a run answers, whatever has
// become of it: the run can be the late one of a tick that a recovery has done.
func (e *Engine) wakeTick(ctx context.Context, tx *store.Tx, repo queue.Repo, r store.WorkflowRun) error {
	if r.TickAt == 0 {
		return nil
	}
	inc, ok, err := store.IncidentOfKey(ctx, tx, tickKey(repo, r.WorkflowPath, r.TickCron, r.TickAt))
	if err != nil || !ok {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

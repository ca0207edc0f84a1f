package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// suspectStall opens the incident of a run that waits or hangs, or takes up
// the one that the run has. A run has one incident, whatever goes wrong with it.
func (e *Engine) suspectStall(ctx context.Context, tx *store.Tx, args queue.InspectRun, run store.WorkflowRun, flow config.Workflow, j judged) error {
	inc, known, err := e.incidentOfRun(ctx, tx, args.Repo, run)
	if err != nil {
		return err
	}
	if !known {
		return e.openStall(ctx, tx, args.Repo, run, flow, j)
	}
	switch State(inc.State) {
	case Healthy:
		stalled(&inc, run, j)
		if inc.StepIndex != 0 { // it had begun a round before all was well
			inc.Round, inc.StepIndex = inc.Round+1, 0
		}
		inc.ConfirmedAt = 0
		if err := e.move(ctx, tx, &inc, Suspected, stuckReason(run, j), stuckEvidence(run, j)); err != nil {
			return err
		}
		return e.wake(ctx, tx, inc.ID)
	case Suspected:
		// Its own suspicion comes first, and ends: the run is there.
		if inc.Signal != string(Stalled) {
			return e.inspectAt(ctx, tx, args, e.Clock.Now().Add(e.scaled(pollMin)))
		}
	case Failing, Recovering:
		return e.takeUpStall(ctx, tx, &inc, run, j)
	}
	return nil
}

// incidentOfRun is the incident that a run belongs to as its primary.
func (e *Engine) incidentOfRun(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) (store.Incident, bool, error) {
	subject, _, err := store.IncidentsOfRun(ctx, tx, repo.ID, run.RunID)
	if err != nil {
		return store.Incident{}, false, err
	}
	if len(subject) > 0 {
		return store.ReadIncident(ctx, tx, subject[len(subject)-1])
	}
	key, err := occurrenceOnRecord(ctx, tx, repo, run)
	if err != nil {
		return store.Incident{}, false, err
	}
	return store.IncidentOfKey(ctx, tx, key)
}

func (e *Engine) openStall(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun, flow config.Workflow, j judged) error {
	if waits, err := e.triedForTick(ctx, tx, run); err != nil || waits {
		return err
	}
	ladder, err := json.Marshal(flow)
	if err != nil {
		return fmt.Errorf("write ladder: %w", err)
	}
	key, err := occurrenceOnRecord(ctx, tx, repo, run)
	if err != nil {
		return err
	}
	now := e.now()
	inc := &store.Incident{
		OccurrenceKey: key, InstallationID: repo.InstallationID, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name,
		WorkflowPath: run.WorkflowPath, TickAt: run.TickAt, TickCron: run.TickCron, State: string(Healthy), Ladder: string(ladder), OpenedAt: now, UpdatedAt: now,
	}
	stalled(inc, run, j)
	opened, err := tx.OpenIncident(ctx, inc)
	if err != nil || !opened {
		return err
	}
	if err := e.move(ctx, tx, inc, Suspected, stuckReason(run, j), stuckEvidence(run, j)); err != nil {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

// takeUpStall makes an incident that waits for its run one of a run that is
// stuck: somebody's re-run, or the run of a tick that came late. While a step
// of ours is under way, that one decides.
func (e *Engine) takeUpStall(ctx context.Context, tx *store.Tx, inc *store.Incident, run store.WorkflowRun, j judged) error {
	if inc.Signal == string(Stalled) && run.Attempt == inc.RunAttempt {
		return nil
	}
	steps, err := e.Store.Steps(ctx, inc.ID)
	if err != nil || slices.ContainsFunc(steps, func(st store.Step) bool { return st.State == store.StepIntent || st.State == store.StepStarted }) {
		return err
	}
	began := inc.BeganAt
	stalled(inc, run, j)
	inc.BeganAt = began
	if err := e.note(ctx, tx, inc, stuckReason(run, j), stuckEvidence(run, j)); err != nil {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

// stalled fills in the run that is stuck. The trouble began when its last step
// moved, or when it was asked for.
func stalled(inc *store.Incident, run store.WorkflowRun, j judged) {
	fill(inc, run)
	inc.Signal, inc.LookedAt, inc.CancelAskedAt, inc.CancelRefused = string(Stalled), 0, 0, 0
	inc.BeganAt = store.MillisOf(j.Since)
	if !j.Unseen.IsZero() {
		inc.BeganAt = store.MillisOf(j.Unseen)
	}
	if j.Running {
		inc.BeganAt = max(inc.BeganAt, store.MillisOf(j.Moved))
	}
}

func stuckReason(run store.WorkflowRun, j judged) string {
	switch {
	case j.front != nil:
		return fmt.Sprintf("attempt %d of the run has waited %s for its concurrency group, and run %d (%s, %s) is in front of it",
			run.Attempt, showDuration(j.Age), j.front.GetID(), clip(j.front.WorkflowPath(), maxName), j.front.GetStatus())
	case j.Alone:
		return fmt.Sprintf("attempt %d of the run has waited %s for its concurrency group, and no run is in front of it", run.Attempt, showDuration(j.Age))
	case !j.Unseen.IsZero():
		return fmt.Sprintf("GitHub has not shown the jobs of attempt %d of the run for %s", run.Attempt, showDuration(j.Age))
	case !j.Running:
		return fmt.Sprintf("attempt %d of the run has waited %s, and no step of it has begun", run.Attempt, showDuration(j.Age))
	}
	return fmt.Sprintf("attempt %d of the run has finished no step for %s", run.Attempt, showDuration(j.Age))
}

func stuckEvidence(run store.WorkflowRun, j judged) map[string]any {
	v := map[string]any{
		"run": run.RunID, "attempt": run.Attempt, "status": run.Status, "url": run.URL, "jobs": j.Jobs, "steps": j.Steps,
		"since": j.Since.UTC(), "limit": j.Limit.Round(time.Second).String(),
	}
	if j.Running {
		v["since"], v["job"], v["step"] = j.Moved.UTC(), clip(j.Job, maxName), clip(j.Step, maxName)
	}
	if !j.Unseen.IsZero() {
		v["jobs_not_shown_since"] = j.Unseen.UTC()
	}
	if j.front != nil {
		v["in_front"] = j.front.GetHTMLURL()
	}
	return v
}

// reopenStall takes the failure of a run to its incident, when that was about
// a suspicion which had come to nothing.
func (e *Engine) reopenStall(ctx context.Context, tx *store.Tx, run store.WorkflowRun, incidents []int64) error {
	for _, id := range incidents {
		inc, ok, err := store.ReadIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		quiet := State(inc.State) == Healthy && inc.ConfirmedAt == 0 && (inc.Signal == string(Stalled) || inc.Signal == string(Absent))
		if !ok || !quiet || inc.RunID != run.RunID || run.Attempt < inc.RunAttempt {
			continue
		}
		fill(&inc, run)
		if err := e.move(ctx, tx, &inc, Failing, fmt.Sprintf("attempt %d concluded %s", run.Attempt, run.Conclusion), runEvidence(run)); err != nil {
			return err
		}
		if err := e.wake(ctx, tx, inc.ID); err != nil {
			return err
		}
	}
	return nil
}

package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

// expected wakes the incidents that may have started an unknown run: one with
// an intent whose outcome is missing adopts it, if it is its.
func (e *Engine) expected(ctx context.Context, tx *store.Tx, o observation) (bool, error) {
	var kind string
	switch o.run.GetEvent() {
	case "workflow_dispatch":
		kind = kindDispatch
	case "repository_dispatch":
		kind = kindRepositoryDispatch
	default:
		return false, nil
	}
	steps, err := store.OpenSteps(ctx, tx, o.repo.ID, kind, store.MillisOf(e.Clock.Now().Add(-lateRuns)))
	if err != nil {
		return false, err
	}
	hoped := false
	for i := range steps {
		st := &steps[i]
		if st.State != store.StepIntent && st.State != store.StepInDoubt || !couldBe(st, o.run) {
			continue
		}
		hoped = true
		if err := e.wake(ctx, tx, st.IncidentID); err != nil {
			return false, err
		}
	}
	// A try that still waits for its run comes before one that was given up.
	for i := range steps {
		st := &steps[i]
		if hoped || st.DoneAt == 0 || !couldBe(st, o.run) || o.run.GetCreatedAt().After(st.DoneAt.Time().Add(settleDispatch)) {
			continue
		}
		hoped = true
		if err := e.late(ctx, tx, st, o); err != nil {
			return false, err
		}
	}
	return hoped, nil
}

// eventOf is the event of the runs that a kind of step starts, "" for kinds that
// start none.
func eventOf(kind string) string {
	switch kind {
	case kindDispatch:
		return "workflow_dispatch"
	case kindRepositoryDispatch:
		return "repository_dispatch"
	}
	return ""
}

// lateRuns is how long a run is awaited whose step was given up, to be reported.
const lateRuns = 24 * time.Hour

// couldBe says whether a run can be what a try has started.
func couldBe(st *store.Step, r *runs.Run) bool {
	if r.GetCreatedAt().Before(st.IntentAt.Time().Add(-clockSkew)) {
		return false
	}
	if st.Kind == kindDispatch {
		return st.Target == r.WorkflowPath()
	}
	heard, known := listenersOf(st.Evidence)
	return !known || heard.could(r.WorkflowPath())
}

// late notes a run of a step that was believed not to have happened.
func (e *Engine) late(ctx context.Context, tx *store.Tx, st *store.Step, o observation) error {
	inc, ok, err := store.ReadIncident(ctx, tx, st.IncidentID)
	if err != nil || !ok {
		return err
	}
	child := store.Child{RepoID: o.repo.ID, RunID: o.run.GetID(), Attempt: 1, StepID: st.ID, IncidentID: st.IncidentID}
	if err := tx.Adopt(ctx, child); err != nil {
		return err
	}
	return e.note(ctx, tx, &inc, "duplicate possible: a run of a step appeared after it was given up", map[string]any{
		"run": o.run.GetID(), "url": o.run.GetHTMLURL(), "step": st.StepIndex + 1, "created_at": o.run.GetCreatedAt().Time,
	})
}

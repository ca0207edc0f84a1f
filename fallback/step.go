package fallback

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// The kinds of steps, as in the configuration.
const (
	kindRerun              = "rerun"
	kindDispatch           = "dispatch"
	kindRepositoryDispatch = "repository_dispatch"
	kindRun                = "run"
	kindWorkflowAtHome     = "workflow_at_home"
)

// step is a way to recover. The engine claims and writes the intent before
// act, and writes down what act, resolve and verify return.
type step interface {
	kind() string
	// target is the workflow, event type or action, as stored and shown.
	target() string
	// tries is how often it may fail before the next rung's turn.
	tries() int
	// skip gives the reason why it does not apply, "" when it does.
	skip(e *Engine, sc *scope) string
	// act has the effect. It is called once per try, after the intent is on disk.
	act(ctx context.Context, e *Engine, sc *scope, st *store.Step) result
	// resolve finds out by asking whether the effect of an intent has happened.
	resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error)
	// verify looks for the evidence of an effect that has happened.
	verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error)
}

// rung is the step at index i of the ladder that the incident began with.
func (sc *scope) rung(i int) (step, error) {
	if i < 0 || i >= len(sc.flow.Recover) {
		return nil, queue.Permanent(fmt.Errorf("incident %d has no step %d", sc.inc.ID, i+1))
	}
	c := sc.flow.Recover[i]
	switch {
	case c.Rerun != nil:
		return rerunStep{*c.Rerun}, nil
	case c.Dispatch != nil:
		return dispatchStep{*c.Dispatch}, nil
	case c.RepositoryDispatch != nil:
		return eventStep{*c.RepositoryDispatch}, nil
	case c.Run != nil:
		return localStep{*c.Run}, nil
	case c.WorkflowAtHome != nil:
		return homeStep{*c.WorkflowAtHome}, nil
	case Signal(sc.inc.Signal) == Disabled: // whose rung is empty
		return enableStep{sc.inc.WorkflowPath}, nil
	}
	return nil, queue.Permanent(fmt.Errorf("step %d of incident %d is empty", i+1, sc.inc.ID))
}

// describe names a step for people.
func describe(kind, target string) string {
	switch kind {
	case kindRerun:
		return "re-run"
	case kindEnable:
		return "switch on " + path.Base(target)
	case kindDispatch:
		return "dispatch " + path.Base(target)
	case kindRepositoryDispatch:
		return "repository_dispatch " + target
	default:
		return kind + " " + target
	}
}

// homeStep runs the same workflow on another host.
type homeStep struct{ config.WorkflowAtHome }

func (homeStep) kind() string                                               { return kindWorkflowAtHome }
func (s homeStep) target() string                                           { return s.Host }
func (homeStep) tries() int                                                 { return 1 }
func (s homeStep) skip(*Engine, *scope) string                              { return notConnected(s.Host) }
func (s homeStep) refuse() result                                           { return result{verdict: refused, reason: notConnected(s.Host)} }
func (s homeStep) act(context.Context, *Engine, *scope, *store.Step) result { return s.refuse() }
func (s homeStep) resolve(context.Context, *Engine, *scope, *store.Step) (result, error) {
	return s.refuse(), nil
}
func (s homeStep) verify(context.Context, *Engine, *scope, *store.Step) (result, error) {
	return s.refuse(), nil
}

func notConnected(host string) string { return fmt.Sprintf("host %q is not connected", host) }

// verifyRun judges a step by the run that it started, in its newest attempt.
func (e *Engine) verifyRun(ctx context.Context, sc *scope, st *store.Step) (result, error) {
	known, err := e.reread(ctx, sc.client, sc.repo, st.RunID)
	if githubapi.IsNotFound(err) {
		if e.Clock.Since(st.StartedAt.Time()) < e.scaled(settleDispatch) { // readers lag
			return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollSettle))}, nil
		}
		if _, err := e.locate(ctx, sc.client, sc.repo); err != nil {
			return result{}, err
		}
		return result{verdict: inDoubt, reason: fmt.Sprintf("run %d is gone, and its evidence with it", st.RunID)}, nil
	}
	if err != nil {
		return result{}, err
	}
	evidence := map[string]any{"run": known.RunID, "attempt": known.Attempt, "conclusion": known.Conclusion, "url": known.URL}
	switch {
	case !known.Completed() || known.Attempt < st.RunAttempt:
		if res, ok, err := e.stuckChild(ctx, sc, st, known); err != nil || ok {
			return res, err
		}
		return e.overdue(sc, st, known), nil
	case known.Conclusion != "success":
		return result{verdict: failedStep, reason: fmt.Sprintf("run %d, attempt %d, concluded %s", known.RunID, known.Attempt, known.Conclusion), evidence: evidence}, nil
	}
	proves, err := store.Proves(ctx, e.Store.Read(), known)
	switch {
	case err != nil:
		return result{}, err
	case !proves:
		return skippedStep(sc, known, evidence), nil
	case st.Kind == kindRerun && known.Attempt > st.RunAttempt:
		return result{verdict: overtaken, over: known}, nil
	}
	return result{verdict: succeeded, reason: fmt.Sprintf("run %d, attempt %d, concluded success", known.RunID, known.Attempt), evidence: evidence}, nil
}

// skippedStep is a run that was told to skip the work, and has succeeded by
// that. One of its jobs may have been told to do it before.
func skippedStep(sc *scope, known store.WorkflowRun, evidence map[string]any) result {
	reason := fmt.Sprintf("run %d, attempt %d, was told to skip its work; that it succeeded proves nothing", known.RunID, known.Attempt)
	if sc.flow.Effect == config.Idempotent {
		return result{verdict: failedStep, reason: reason, evidence: evidence}
	}
	return result{verdict: inDoubt, reason: reason, evidence: evidence}
}

// overdue waits for a run that has not ended, up to the deadline. Past it the
// step has failed where a second execution does no harm. Otherwise starting
// the next one could do the same work twice, so a person decides.
func (e *Engine) overdue(sc *scope, st *store.Step, known store.WorkflowRun) result {
	deadline := st.StartedAt.Time().Add(e.StepDeadline)
	now := e.Clock.Now()
	if now.Before(deadline) {
		at := e.poll(st.StartedAt)
		if at.After(deadline) {
			at = deadline
		}
		return result{verdict: pending, until: at}
	}
	if st.State == store.StepInDoubt {
		return result{verdict: pending}
	}
	evidence := map[string]any{"run": st.RunID, "attempt": known.Attempt, "status": known.Status, "url": known.URL}
	reason := fmt.Sprintf("run %d did not finish within %s", st.RunID, e.StepDeadline.Round(time.Second))
	if sc.flow.Effect == config.Idempotent || sc.flow.Effect == config.Guarded {
		return result{verdict: failedStep, reason: reason, evidence: evidence}
	}
	return result{verdict: inDoubt, reason: reason + " and can still take effect", evidence: evidence}
}

// errNoRun is a step that verifies a run without having one.
var errNoRun = errors.New("step has no run to verify")

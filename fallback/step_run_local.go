package fallback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// localStep runs a vetted action on this host. Its journal knows what became
// of it, also after a crash of this process.
type localStep struct{ config.Run }

func (localStep) kind() string     { return kindRun }
func (s localStep) target() string { return s.Action }
func (localStep) tries() int       { return 1 }

func (s localStep) skip(e *Engine, _ *scope) string {
	switch {
	case s.Host != config.LocalHost:
		return notConnected(s.Host)
	case e.Actions == nil:
		return "this server runs no actions on its own host"
	}
	return ""
}

// actionID names one execution in the action's journal. The claim's key in it
// is never used again: numbers of incidents begin anew with a new database, and
// the journal would give an old outcome for a new failure. The epoch makes a
// repetition another execution.
func actionID(st *store.Step) string {
	return fmt.Sprintf("%.32s-s%d-e%d", st.ClaimKey, st.StepIndex, st.Epoch)
}

// act starts the action and lets the job go: it can take longer than a job
// should hold a worker. Its end wakes the incident.
func (s localStep) act(_ context.Context, e *Engine, sc *scope, st *store.Step) result {
	req := action.Request{
		ID: actionID(st), Claim: st.ClaimKey, Name: s.Action, Repository: sc.repo.FullName(), Timeout: s.Timeout.Std(),
	}
	e.actions.launch(req.ID, func(ctx context.Context) (action.Result, error) {
		return e.Actions.Run(ctx, req)
	}, e.actionEnded(st.IncidentID))
	return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollMax))}
}

// resolve takes the outcome, or takes up an execution of an earlier process
// by its journal.
func (s localStep) resolve(_ context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	if e.Actions == nil {
		return result{verdict: inDoubt, reason: "this server does not run actions on its own host any more"}, nil
	}
	id := actionID(st)
	outcome := e.actions.launch(id, func(ctx context.Context) (action.Result, error) {
		return e.Actions.Resolve(ctx, id, st.ClaimKey)
	}, e.actionEnded(st.IncidentID))
	if outcome == nil {
		return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollMax))}, nil
	}
	e.actions.forget(id)
	switch err := outcome.err; {
	case err == nil:
		return s.judge(sc, outcome.result), nil
	case errors.Is(err, action.ErrRefused), errors.Is(err, action.ErrNoAction), errors.Is(err, action.ErrBadID), errors.Is(err, action.ErrOtherClaim):
		return result{verdict: refused, reason: "this host refused: " + err.Error()}, nil
	case errors.Is(err, context.Canceled): // this process is being stopped
		return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollSettle))}, nil
	default:
		return result{}, fmt.Errorf("run action %s: %w", s.Action, err)
	}
}

func (s localStep) judge(sc *scope, r action.Result) result {
	took := r.EndedAt.Sub(r.StartedAt).Round(time.Millisecond)
	evidence := map[string]any{"exit_code": r.ExitCode, "duration": took.String(), "output": tail(r.Output)}
	switch r.State {
	case action.Succeeded:
		return result{verdict: happened, reason: fmt.Sprintf("action %s ended after %s", s.Action, took), evidence: evidence}
	case action.Failed:
		return result{verdict: failedStep, reason: fmt.Sprintf("%s after %s", cmp.Or(r.Reason, fmt.Sprintf("exit %d", r.ExitCode)), took), evidence: evidence}
	case action.TimedOut:
		return result{verdict: failedStep, reason: fmt.Sprintf("stopped at its time limit, after %s", took), evidence: evidence}
	case action.NotStarted:
		if !r.EndedAt.IsZero() { // it was tried, and could not be
			return result{verdict: refused, unable: true, reason: "it could not be started: " + r.Reason}
		}
		return result{verdict: notSent, reason: "it was never started"}
	}
	reason := "it was started, and how it ended is not on record"
	if sc.flow.Effect == config.Idempotent {
		return result{verdict: notDone, reason: reason + "; a second execution does no harm"}
	}
	return result{verdict: inDoubt, reason: reason}
}

// verify has nothing to wait for: the exit code is all the evidence that an
// action gives, and it is called just that.
func (localStep) verify(_ context.Context, _ *Engine, _ *scope, st *store.Step) (result, error) {
	return result{verdict: succeeded, reason: "exit 0", evidence: evidenceOf(st.Evidence)}, nil
}

// outputTail is how much of an action's output is kept with the incident, in bytes.
const outputTail = 4 << 10

func tail(b []byte) string {
	if len(b) > outputTail {
		return strings.ToValidUTF8("…"+string(b[len(b)-outputTail:]), "")
	}
	return strings.ToValidUTF8(string(b), "")
}

package fallback

import (
	"context"
	"net/http"
	"path"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// kindEnable is the one step of an incident about a workflow that is switched
// off; no configuration names it.
const kindEnable = "enable"

// enableStep switches a workflow on. It may be done twice without harm, and its
// effect shows in the workflow's state.
type enableStep struct{ workflow string }

func (enableStep) kind() string                { return kindEnable }
func (s enableStep) target() string            { return s.workflow }
func (enableStep) tries() int                  { return 2 }
func (enableStep) skip(*Engine, *scope) string { return "" }

func (s enableStep) act(ctx context.Context, _ *Engine, sc *scope, _ *store.Step) result {
	where := githubapi.RepoPath(sc.repo.Owner, sc.repo.Name, "actions", "workflows", path.Base(s.workflow), "enable")
	return afterCall(githubapi.Send(ctx, sc.client, http.MethodPut, where), s.done())
}

func (s enableStep) done() result {
	return result{verdict: happened, reason: path.Base(s.workflow) + " was switched on", evidence: map[string]any{"workflow": workflowActive}}
}

func (s enableStep) resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	state, err := e.workflowState(ctx, sc)
	switch {
	case err != nil:
		return result{}, err
	case state == workflowActive:
		return s.done(), nil
	}
	settled := st.IntentAt.Time().Add(e.scaled(settleRerun))
	if now := e.Clock.Now(); now.Before(settled) {
		return result{verdict: pending, until: minTime(now.Add(e.scaled(pollSettle)), settled)}, nil
	}
	return result{verdict: notDone, reason: "the workflow is still " + state, evidence: map[string]any{"workflow": state}}, nil
}

// verify believes no answer to a write: GitHub has to show the workflow as active.
func (enableStep) verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	state, err := e.workflowState(ctx, sc)
	if err != nil {
		return result{}, err
	}
	evidence := map[string]any{"workflow": state, "was": sc.inc.Conclusion}
	if state == workflowActive {
		return result{verdict: succeeded, reason: "GitHub shows the workflow as active; ticks until now are nobody's", evidence: evidence}, nil
	}
	if e.Clock.Since(st.StartedAt.Time()) < e.scaled(settleRead) { // readers lag
		return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollSettle))}, nil
	}
	return result{verdict: failedStep, reason: "GitHub still shows the workflow as " + state, evidence: evidence}, nil
}

package fallback

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// eventStep sends a repository_dispatch. GitHub only says that it took the
// event; which run reacts, if any, is found afterwards.
type eventStep struct{ config.RepositoryDispatch }

func (eventStep) kind() string { return kindRepositoryDispatch }
func (s eventStep) target() string {
	if s.EventType == "" {
		return config.DefaultEventType
	}
	return s.EventType
}
func (eventStep) tries() int                       { return 1 }
func (eventStep) skip(_ *Engine, sc *scope) string { return tooDeep(sc) }

// Payload is the client_payload of the events that we send. GitHub takes at
// most ten properties at the top.
type Payload struct {
	Target     string `json:"target"`   // "marketing-sync"
	Workflow   string `json:"workflow"` // ".github/workflows/marketing-sync.yml"
	RunID      int64  `json:"run_id"`   // of the run that failed
	RunAttempt int    `json:"run_attempt"`
	HeadSHA    string `json:"head_sha"`
	Incident   int64  `json:"incident"`
	Claim      string `json:"claim"` // the occurrence key
	Depth      int    `json:"depth"` // recoveries that led to this event, from 1
}

func (s eventStep) act(ctx context.Context, _ *Engine, sc *scope, _ *store.Step) result {
	inc := sc.inc
	payload, err := json.Marshal(Payload{
		Target: workflowName(inc.WorkflowPath), Workflow: inc.WorkflowPath, RunID: inc.RunID, RunAttempt: inc.RunAttempt,
		HeadSHA: inc.HeadSHA, Incident: inc.ID, Claim: inc.OccurrenceKey, Depth: inc.Depth + 1,
	})
	if err != nil {
		return result{verdict: refused, reason: err.Error()}
	}
	raw := json.RawMessage(payload)
	_, _, err = sc.client.Repositories.Dispatch(ctx, sc.repo.Owner, sc.repo.Name, github.DispatchRequestOptions{EventType: s.target(), ClientPayload: &raw})
	// 204 says that GitHub took the event; what it started has to be found.
	return afterCall(err, result{verdict: unknown})
}

func (s eventStep) resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	found, err := e.correlate(ctx, sc, st, search{event: "repository_dispatch"})
	if err != nil {
		return result{}, err
	}
	found = preferTitle(found, s.target())
	if len(found) == 0 {
		return e.settling(st, settleEvent, result{
			verdict: refused, reason: fmt.Sprintf("no workflow reacted to %q within %s", s.target(), settleEvent),
		}), nil
	}
	// Several workflows may react to one event, each of them once. The first is
	// the one to follow; the others are ours all the same.
	seen := map[string]bool{}
	res := result{
		verdict: happened, reason: fmt.Sprintf("%s reacted to %q with run %d", workflowName(found[0].path()), s.target(), found[0].GetID()),
		url: found[0].GetHTMLURL(), evidence: map[string]any{"run": found[0].GetID(), "url": found[0].GetHTMLURL(), "workflow": found[0].path()},
	}
	for _, r := range found {
		if seen[r.path()] {
			return result{
				verdict: inDoubt, reason: fmt.Sprintf("%d runs could be the reaction to %q", len(found), s.target()),
				evidence: map[string]any{"candidates": links(found)},
			}, nil
		}
		seen[r.path()] = true
		res.runs = append(res.runs, store.Child{RunID: r.GetID(), Attempt: 1})
	}
	if len(found) > 1 {
		res.evidence["also"] = links(found[1:])
	}
	return res, nil
}

func (eventStep) verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	if st.RunID == 0 {
		return result{}, errNoRun
	}
	return e.verifyRun(ctx, sc, st)
}

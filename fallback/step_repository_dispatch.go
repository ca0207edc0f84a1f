package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
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
	Epoch      int64  `json:"epoch"` // the fencing epoch of this step's claim
	Depth      int    `json:"depth"` // recoveries that led to this event, from 1
}

func (s eventStep) act(ctx context.Context, e *Engine, sc *scope, st *store.Step) result {
	inc := sc.inc
	payload, err := json.Marshal(Payload{
		Target: workflowName(inc.WorkflowPath), Workflow: inc.WorkflowPath, RunID: inc.RunID, RunAttempt: inc.RunAttempt,
		HeadSHA: inc.HeadSHA, Incident: inc.ID, Claim: inc.OccurrenceKey, Epoch: st.Epoch, Depth: inc.Depth + 1,
	})
	if err != nil {
		return result{verdict: refused, reason: err.Error()}
	}
	heard, branch, err := e.listening(ctx, sc, s.target())
	switch {
	case err != nil: // nothing was sent
		return result{verdict: notSent, reason: err.Error(), cause: err}
	case heard.none():
		return result{verdict: refused, reason: fmt.Sprintf("no workflow listens to %q on %s; nothing was sent", s.target(), branch)}
	}
	raw := json.RawMessage(payload)
	_, _, err = sc.client.Repositories.Dispatch(ctx, sc.repo.Owner, sc.repo.Name, github.DispatchRequestOptions{EventType: s.target(), ClientPayload: &raw})
	// 204 says that GitHub took the event; what it started has to be found.
	res := afterCall(err, result{verdict: unknown})
	res.evidence = map[string]any{}
	heard.note(res.evidence)
	return res
}

func (s eventStep) resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	found, err := e.correlate(ctx, sc, st, search{event: "repository_dispatch"})
	if err != nil {
		return result{}, err
	}
	heard, ok := listenersOf(st.Evidence)
	if !ok && len(found) > 0 {
		if heard, _, err = e.listening(ctx, sc, s.target()); err != nil {
			return result{}, err
		}
	}
	// Runs do not say which event type started them, but their workflow does.
	found = slices.DeleteFunc(found, func(r *runs.Run) bool { return !heard.could(r.WorkflowPath()) })
	if len(found) == 0 {
		none := result{verdict: refused, reason: fmt.Sprintf("no workflow reacted to %q within %s", s.target(), window(sc.flow.Effect)), evidence: evidenceOf(st.Evidence)}
		return e.settling(ctx, sc, st, none)
	}
	reacted, clear := oneEach(found, sc.inc.OccurrenceKey)
	if !clear {
		return result{
			verdict: inDoubt, reason: fmt.Sprintf("%d runs could be the reaction to %q", len(found), s.target()),
			evidence: map[string]any{"candidates": links(found), evidenceListen: heard.sure, evidenceMayListen: heard.maybe},
		}, nil
	}
	var paths []string
	for _, r := range reacted {
		paths = append(paths, r.WorkflowPath())
	}
	silent := heard.without(paths)
	if end := st.IntentAt.Time().Add(e.scaled(settleEvent)); len(silent) > 0 && e.Clock.Now().Before(end) {
		return result{verdict: pending, until: minTime(e.Clock.Now().Add(e.scaled(pollSettle)), end)}, nil
	}
	return s.done(reacted, silent), nil
}

// oneEach takes one run of each workflow: one event starts a workflow once.
// clear is false when there are several that the claim does not tell apart.
func oneEach(found []*runs.Run, claim string) (each []*runs.Run, clear bool) {
	var paths []string
	by := map[string][]*runs.Run{}
	for _, r := range found {
		if by[r.WorkflowPath()] == nil {
			paths = append(paths, r.WorkflowPath())
		}
		by[r.WorkflowPath()] = append(by[r.WorkflowPath()], r)
	}
	for _, p := range paths {
		list := preferClaim(by[p], claim)
		if len(list) > 1 {
			return nil, false
		}
		each = append(each, list[0])
	}
	return each, true
}

// done takes all runs that reacted as the step's: it has succeeded when they
// all have.
func (s eventStep) done(reacted []*runs.Run, silent []string) result {
	first := reacted[0]
	res := result{
		verdict: happened, reason: fmt.Sprintf("%s reacted to %q with run %d", workflowName(first.WorkflowPath()), s.target(), first.GetID()),
		url: first.GetHTMLURL(), evidence: map[string]any{"run": first.GetID(), "url": first.GetHTMLURL(), "workflow": first.WorkflowPath()},
	}
	for _, r := range reacted {
		res.runs = append(res.runs, store.Child{RunID: r.GetID(), Attempt: 1})
	}
	if len(reacted) > 1 {
		res.evidence["also"] = links(reacted[1:])
		res.reason += fmt.Sprintf(", and %d more", len(reacted)-1)
	}
	if len(silent) > 0 {
		res.evidence["silent"] = silent
	}
	return res
}

// verify judges all runs that reacted. While one of them is under way nothing
// is decided; then all must have succeeded. A run that was skipped has decided
// by its own conditions that the event is not for it, and one other must not have.
func (eventStep) verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	if st.RunID == 0 {
		return result{}, errNoRun
	}
	children, err := e.Store.Children(ctx, st.ID)
	if err != nil {
		return result{}, err
	}
	var worst *result
	for _, c := range children {
		one := *st
		one.RunID, one.RunAttempt = c.RunID, c.Attempt
		res, err := e.verifyRun(ctx, sc, &one)
		if err != nil {
			return result{}, err
		}
		if worst == nil || gravity(res) > gravity(*worst) || res.verdict == pending && worst.verdict == pending && res.until.Before(worst.until) {
			worst = &res
		}
	}
	if worst == nil { // started without a run on record
		return result{}, errNoRun
	}
	if worst.verdict == succeeded && len(children) > 1 {
		worst.reason = fmt.Sprintf("%d runs reacted and none failed; %s", len(children), worst.reason)
	}
	return *worst, nil
}

// gravity orders what runs of one event came to: the gravest decides.
func gravity(r result) int {
	switch r.verdict {
	case pending:
		return 4
	case inDoubt:
		return 3
	case failedStep:
		if r.evidence["conclusion"] == "skipped" {
			return 0 // counts only when there is nothing else
		}
		return 2
	default:
		return 1
	}
}

package fallback

import (
	"context"
	"fmt"
	"maps"
	"path"
	"strconv"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// dispatchStep starts a workflow by workflow_dispatch. GitHub names the run it
// created; where it does not (older servers), or where the answer was lost, the
// run is found among the workflow's runs.
type dispatchStep struct{ config.Dispatch }

func (dispatchStep) kind() string                     { return kindDispatch }
func (s dispatchStep) target() string                 { return s.Workflow }
func (dispatchStep) tries() int                       { return 1 }
func (dispatchStep) skip(_ *Engine, sc *scope) string { return tooDeep(sc) }

// tooDeep stops chains of recoveries that start each other.
func tooDeep(sc *scope) string {
	if sc.inc.Depth >= MaxDepth {
		return fmt.Sprintf("this incident is recovery number %d of a chain, and a chain has at most %d", sc.inc.Depth+1, MaxDepth)
	}
	return ""
}

func (s dispatchStep) act(ctx context.Context, e *Engine, sc *scope, st *store.Step) result {
	ref := s.Ref
	if ref == "" {
		branch, err := e.defaultBranch(ctx, sc.client, sc.repo)
		if err != nil { // nothing was sent
			return result{verdict: notSent, reason: err.Error(), cause: err}
		}
		ref = branch
	}
	id, err := githubapi.DispatchWorkflow(ctx, sc.client, sc.repo.Owner, sc.repo.Name, path.Base(s.Workflow), ref, s.inputs(ctx, sc, st, ref))
	if err == nil && id == 0 { // done, but the run has to be found
		return result{verdict: unknown}
	}
	return afterCall(err, s.done(&runs.Run{}, id, sc))
}

// The inputs that a fallback workflow gets when it declares them.
const (
	inputClaim    = "redundancy_claim"    // the occurrence key
	inputEpoch    = "redundancy_epoch"    // the fencing epoch of this step's claim
	inputIncident = "redundancy_incident" // the incident's number
)

// maxWorkflowFile is GitHub's limit of a workflow file, in bytes.
const maxWorkflowFile = 500 << 10

// inputs are those of the configuration, and the claim with its epoch and the
// incident where the workflow declares them: GitHub refuses inputs that are not declared. A
// file that cannot be read gets none; GitHub then says itself what is wrong.
func (s dispatchStep) inputs(ctx context.Context, sc *scope, st *store.Step, ref string) map[string]string {
	inputs := maps.Clone(s.Inputs)
	file, _, _, err := sc.client.Repositories.GetContents(ctx, sc.repo.Owner, sc.repo.Name, s.Workflow, &github.RepositoryContentGetOptions{Ref: ref})
	if err != nil || file == nil || file.GetSize() > maxWorkflowFile {
		return inputs
	}
	text, err := file.GetContent()
	if err != nil {
		return inputs
	}
	facts, _ := config.ReadWorkflow(s.Workflow, []byte(text)) // what can be read of a damaged file is enough
	ours := []struct{ name, value string }{                   // the first ones first, should there be no room for all
		{inputClaim, sc.inc.OccurrenceKey}, {inputEpoch, strconv.FormatInt(st.Epoch, 10)}, {inputIncident, strconv.FormatInt(sc.inc.ID, 10)},
	}
	for _, in := range ours {
		name, value := in.name, in.value
		if _, declared := facts.DispatchInputs[name]; !declared || inputs[name] != "" || len(inputs) >= githubapi.MaxDispatchInputs {
			continue
		}
		if inputs == nil {
			inputs = map[string]string{}
		}
		inputs[name] = value
	}
	return inputs
}

func (s dispatchStep) done(r *runs.Run, id int64, sc *scope) result {
	link := r.GetHTMLURL()
	if link == "" {
		link = runURL(sc, id)
	}
	return result{
		verdict: happened, reason: fmt.Sprintf("%s was dispatched as run %d", path.Base(s.Workflow), id), url: link,
		told: r.GetID() == 0, runs: []store.Child{{RunID: id, Attempt: 1}}, evidence: map[string]any{"run": id, "url": link},
	}
}

func (s dispatchStep) resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	found, err := e.correlate(ctx, sc, st, search{event: "workflow_dispatch", workflow: s.Workflow, ref: s.Ref})
	if err != nil {
		return result{}, err
	}
	found = preferClaim(found, sc.inc.OccurrenceKey)
	switch {
	case len(found) == 1:
		return s.done(found[0], found[0].GetID(), sc), nil
	case len(found) > 1:
		return result{
			verdict: inDoubt, reason: fmt.Sprintf("%d runs of %s could be the dispatched one", len(found), path.Base(s.Workflow)),
			evidence: map[string]any{"candidates": links(found)},
		}, nil
	}
	return e.settling(ctx, sc, st, result{
		verdict: notDone, reason: fmt.Sprintf("no run of %s appeared within %s", path.Base(s.Workflow), window(sc.flow.Effect)),
	})
}

func (dispatchStep) verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	if st.RunID == 0 {
		return result{}, errNoRun
	}
	return e.verifyRun(ctx, sc, st)
}

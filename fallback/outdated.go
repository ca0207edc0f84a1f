package fallback

import (
	"context"
	"net/url"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

// freshFor is how old a failed run can be without GitHub being asked whether a
// later one has succeeded: webhooks of such runs have most likely come.
const freshFor = time.Hour

// outdated closes an incident that a later run of the workflow on the branch,
// or on the default branch that took its place, has made pointless. News of a failure can come days late, by a redelivery or
// after an outage of ours, and recovering then would do old work over newer.
// Whoever asks for a recovery by hand gets it.
func (e *Engine) outdated(ctx context.Context, sc *scope) (bool, error) {
	s := State(sc.inc.State)
	if sc.inc.Forced || s != Failing && s != Recovering && s != Suppressed {
		return false, nil
	}
	later, ok, err := store.LaterSuccess(ctx, e.Store.Read(), sc.inc)
	if err == nil && !ok && e.Clock.Since(sc.inc.RunCreatedAt.Time()) > freshFor {
		later, ok, err = e.listLater(ctx, sc)
	}
	if err != nil || !ok {
		return false, err
	}
	return true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.closeBreaker(ctx, tx, sc.inc.RepoID, sc.inc.WorkflowPath); err != nil {
			return err
		}
		return e.well(ctx, tx, sc.inc, later)
	})
}

// listLater asks GitHub for what [store.LaterSuccess] looks for, and records it.
func (e *Engine) listLater(ctx context.Context, sc *scope) (later store.WorkflowRun, ok bool, err error) {
	at, err := e.withBranch(ctx, sc.client, sc.repo)
	if err != nil {
		return later, false, err
	}
	if heir := at.TookOver(sc.inc); heir != "" {
		if later, ok, err = e.listLaterOn(ctx, sc, heir); err != nil || ok {
			return later, ok, err
		}
	}
	return e.listLaterOn(ctx, sc, sc.inc.HeadBranch)
}

func (e *Engine) listLaterOn(ctx context.Context, sc *scope, branch string) (later store.WorkflowRun, ok bool, err error) {
	inc := sc.inc
	list, err := runs.List(ctx, sc.client, sc.repo, runs.Query{Workflow: inc.WorkflowPath, Filter: url.Values{"branch": {branch}, "status": {"success"}}})
	if err != nil {
		return later, false, err
	}
	for _, r := range list.Runs { // newest first
		created := store.MillisOf(r.GetCreatedAt().Time)
		newer := created > inc.RunCreatedAt || created == inc.RunCreatedAt && r.GetID() > inc.RunID
		if !newer || r.GetConclusion() != "success" || r.WorkflowPath() != inc.WorkflowPath || r.GetHeadBranch() != branch || !r.Own(inc.RepoID) {
			continue
		}
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			later, err = e.save(ctx, tx, sc.repo, r)
			if err == nil {
				ok, err = store.Proves(ctx, tx, later)
			}
			return err
		})
		if err != nil || ok {
			return later, ok, err
		}
	}
	return store.WorkflowRun{}, false, nil
}

// well ends an incident because the workflow works again.
func (e *Engine) well(ctx context.Context, tx *store.Tx, inc *store.Incident, later store.WorkflowRun) error {
	return e.move(ctx, tx, inc, Healthy, "a later run of the workflow succeeded", map[string]any{
		"run": later.RunID, "attempt": later.Attempt, "conclusion": later.Conclusion, "url": later.URL,
	})
}

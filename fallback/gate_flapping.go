package fallback

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"
	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/failure"
	"github.com/redundancy-app/redundancy/store"
)

// flappingGate holds what changes its mind all the time: recovering it would
// be work without end. What may be done any number of times goes on.
func flappingGate(ctx context.Context, e *Engine, sc *scope, _ step) (*hold, error) {
	inc := sc.inc
	if !repeats(inc) || sc.flow.Effect == config.Idempotent {
		return nil, nil
	}
	db := e.Store.Read()
	w, _, err := store.ReadWatch(ctx, db, inc.RepoID, inc.WorkflowPath)
	if err != nil {
		return nil, err
	}
	change, n, err := changeOf(ctx, db, inc.RepoID, inc.WorkflowPath, inc.HeadBranch)
	if err != nil || !failure.Flapping(w.Flapping, change) {
		return nil, err
	}
	reason := fmt.Sprintf("the workflow is flapping: its last %d results changed by %.0f %%; held back until that is below %.0f %%", n, change, failure.SteadyBelow)
	return &hold{
		reason:   reason,
		evidence: map[string]any{"change_percent": change, "results": n, "begins_at": failure.FlapsFrom, "ends_below": failure.SteadyBelow},
		until:    e.Clock.Now().Add(e.scaled(pollFlapping)), // results wake it; their webhooks can be lost
	}, nil
}

// pollFlapping is the safety net behind the results that end flapping.
const pollFlapping = pollDoubt

// changeOf is how much a workflow changes its mind on a branch, in percent,
// and over how many results.
func changeOf(ctx context.Context, db bun.IDB, repoID int64, path, branch string) (change float64, n int, err error) {
	results, err := store.Results(ctx, db, repoID, path, branch, failure.Results)
	return failure.Change(results), len(results), err
}

// flaps takes note of a result on the default branch: flapping begins or ends
// with it, or neither.
func (e *Engine) flaps(ctx context.Context, tx *store.Tx, r store.WorkflowRun) error {
	w, ok, err := store.ReadWatch(ctx, tx, r.RepoID, r.WorkflowPath)
	if err != nil || !ok {
		return err
	}
	change, n, err := changeOf(ctx, tx, r.RepoID, r.WorkflowPath, r.HeadBranch)
	if err != nil {
		return err
	}
	now := failure.Flapping(w.Flapping, change)
	if now == w.Flapping {
		return nil
	}
	if err := tx.SetFlapping(ctx, r.RepoID, r.WorkflowPath, now); err != nil {
		return err
	}
	tx.OnCommit(func() {
		said := "the workflow is flapping"
		if !now {
			said = "the workflow has stopped flapping"
		}
		zerolog.Ctx(ctx).Info().Str("workflow", r.WorkflowPath).Float64("change_percent", change).Int("results", n).Msg(said)
	})
	if now {
		return nil
	}
	return e.wakeSuppressed(ctx, tx, r.RepoID, r.WorkflowPath)
}

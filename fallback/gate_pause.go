package fallback

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/store"
)

// pauseGate holds what a person has paused. What is under way is followed to
// its end, and what is noticed meanwhile is recorded.
func pauseGate(ctx context.Context, e *Engine, sc *scope, _ step) (*hold, error) {
	p, paused, err := e.paused(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath)
	if err != nil || !paused {
		return nil, err
	}
	evidence := map[string]any{"pause": p.ID, "actor": p.Actor, "since": p.FromAt.Time()}
	if p.UntilAt != 0 {
		evidence["until"] = p.UntilAt.Time()
	}
	return &hold{reason: pauseText(&p), evidence: evidence, until: p.UntilAt.Time()}, nil
}

// paused finds the pause that holds a workflow back longest. Whoever is about
// to do something about a workflow of his own accord asks it first.
func (e *Engine) paused(ctx context.Context, db bun.IDB, repoID int64, workflowPath string) (store.Pause, bool, error) {
	list, err := store.Pausing(ctx, db, repoID, workflowPath, e.now())
	if err != nil || len(list) == 0 {
		return store.Pause{}, false, err
	}
	return list[0], true, nil
}

// pausedNow asks once more, in the transaction that begins a step: a pause that
// a person was told of is in force.
func (e *Engine) pausedNow(ctx context.Context, tx bun.IDB, inc *store.Incident) (bool, error) {
	if inc.Forced {
		return false, nil
	}
	_, paused, err := e.paused(ctx, tx, inc.RepoID, inc.WorkflowPath)
	return paused, err
}

// pauseText says what is paused, by whom, until when and why.
func pauseText(p *store.Pause) string {
	s := fmt.Sprintf("%s paused %s", who(p.Actor), pauseTarget(p))
	if p.UntilAt != 0 {
		s += " until " + p.UntilAt.Time().Format(timeFormat)
	}
	if p.Reason != "" {
		s += ": " + clip(p.Reason, maxName)
	}
	return s
}

// pauseTarget names what a pause is about.
func pauseTarget(p *store.Pause) string {
	switch p.Scope {
	case store.PauseWorkflow:
		return workflowName(p.WorkflowPath)
	case store.PauseRepository:
		return "all workflows of " + p.Owner + "/" + p.Repo
	default:
		return "everything"
	}
}

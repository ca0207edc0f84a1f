package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/store"
)

// pauseName is the name of pauseGate.
const pauseName = "pause"

// pauseGate holds what a person has paused. What is under way is followed to
// its end, and what is noticed meanwhile is recorded.
func pauseGate(ctx context.Context, e *Engine, sc *scope, _ step) (*hold, error) {
	p, paused, err := e.pausedFor(ctx, e.Store.Read(), sc.inc)
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
	_, paused, err := e.pausedFor(ctx, tx, inc)
	return paused, err
}

// pausedFor finds the pause that holds an incident longest. A person who asks
// to recover passes the pauses of that moment: what is paused after that, or
// begins to be, is the newer wish.
func (e *Engine) pausedFor(ctx context.Context, db bun.IDB, inc *store.Incident) (store.Pause, bool, error) {
	list, err := store.Pausing(ctx, db, inc.RepoID, inc.WorkflowPath, e.now())
	if err != nil {
		return store.Pause{}, false, err
	}
	var passed []int64
	if inc.Forced && inc.Passed != "" {
		if err := json.Unmarshal([]byte(inc.Passed), &passed); err != nil {
			return store.Pause{}, false, fmt.Errorf("read the pauses that incident %d passes: %w", inc.ID, err)
		}
	}
	for i := range list {
		if !slices.Contains(passed, list[i].ID) {
			return list[i], true, nil
		}
	}
	return store.Pause{}, false, nil
}

// passPauses notes what is paused at the moment in which a person's request
// makes an incident Forced, or a round that nobody asked for ends that.
func (e *Engine) passPauses(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	inc.Passed = ""
	if !inc.Forced {
		return nil
	}
	list, err := store.Pausing(ctx, tx, inc.RepoID, inc.WorkflowPath, e.now())
	if err != nil || len(list) == 0 {
		return err
	}
	ids := make([]int64, 0, len(list))
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	raw, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("write the pauses that incident %d passes: %w", inc.ID, err)
	}
	inc.Passed = string(raw)
	return nil
}

// onlyPaused is true of an incident that a person has asked for, and that only
// a newer pause has held back: the other gates have nothing to say about it.
func onlyPaused(inc *store.Incident) bool { return inc.Forced && inc.HeldBy == pauseName }

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

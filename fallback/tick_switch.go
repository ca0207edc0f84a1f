package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/store"
)

// offAtTick says whether GitHub had switched a workflow off for inactivity
// when a tick of it should have come, which was found out afterwards: no run of
// that tick comes any more, even if the workflow is on again.
func (e *Engine) offAtTick(ctx context.Context, inc *store.Incident) (bool, error) {
	off, ok, err := store.StateIncident(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath, string(Disabled), stateNames(States))
	return ok && off.Conclusion == workflowInactive && off.OpenedAt >= inc.TickAt, err
}

// awaitSwitch has a workflow switched on that GitHub has switched off for
// inactivity, before the tick that has shown it is made up for: a step may be a
// dispatch of that very workflow. wait is true until it is on, or cannot be
// switched on.
func (e *Engine) awaitSwitch(ctx context.Context, sc *scope, state string) (wait bool, err error) {
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		off, err := e.openDisabled(ctx, tx, sc.repo, sc.inc.WorkflowPath, state, sc.flow)
		wait = State(off.State) != Exhausted
		return err
	})
	return wait, err
}

// toldOnly ends the recovery of a tick, before anything was done about it,
// whose workflow a person has switched off meanwhile: that was a decision, and
// so is doing its work by other means.
func (e *Engine) toldOnly(ctx context.Context, sc *scope) (stop bool, err error) {
	if s := State(sc.inc.State); s != Failing && s != Suppressed || sc.acted() {
		return false, nil
	}
	state, err := e.workflowState(ctx, sc)
	if err != nil || state != byPerson {
		return false, err
	}
	return true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.HeldBy, sc.inc.NotBefore = "", 0
		return e.move(ctx, tx, sc.inc, Exhausted, "a person has disabled the workflow; whether its work is done is a person's decision (recover)", map[string]any{"workflow": state})
	})
}

package fallback

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// disabledSubject is a workflow that is switched off. Its state stands as the
// incident's conclusion.
type disabledSubject struct{}

// openDisabled opens the incident of a workflow that is switched off, unless
// there is one that is not over. What GitHub has switched off for inactivity
// can be switched on again; what a person has switched off stays off.
func (e *Engine) openDisabled(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath, state string, flow config.Workflow) (store.Incident, error) {
	inc, ok, err := store.StateIncident(ctx, tx, repo.ID, workflowPath, string(Disabled), unsettled)
	if err != nil || ok {
		return inc, err
	}
	flow.Recover = []config.Step{{}} // the one rung is enableStep, whatever stands there
	ladder, err := json.Marshal(flow)
	if err != nil {
		return inc, fmt.Errorf("write ladder: %w", err)
	}
	now := e.now()
	inc = store.Incident{
		OccurrenceKey:  OccurrenceKey(repo.InstallationID, repo.ID, workflowPath, string(Disabled), state, int64(now)),
		InstallationID: repo.InstallationID, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, WorkflowPath: workflowPath,
		Event: schedule.Event, RunCreatedAt: now, BeganAt: now, Signal: string(Disabled), Conclusion: state,
		State: string(Healthy), Ladder: string(ladder), OpenedAt: now, UpdatedAt: now,
	}
	if _, err := tx.OpenIncident(ctx, &inc); err != nil {
		return inc, err
	}
	if err := e.move(ctx, tx, &inc, Suspected, "GitHub has the workflow as "+state, map[string]any{"workflow": state}); err != nil {
		return inc, err
	}
	return inc, e.wake(ctx, tx, inc.ID)
}

// blameSwitch ends the incident of a tick that had no chance: the workflow is
// switched off, and that is what the incident is about from now on.
func (e *Engine) blameSwitch(ctx context.Context, sc *scope, state string) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		off, err := e.openDisabled(ctx, tx, sc.repo, sc.inc.WorkflowPath, state, sc.flow)
		if err != nil {
			return err
		}
		if err := e.saveTick(ctx, tx, sc.inc, store.TickUnwatched); err != nil {
			return err
		}
		reason := fmt.Sprintf("GitHub has the workflow as %s; incident %d is about that", state, off.ID)
		return e.move(ctx, tx, sc.inc, Superseded, reason, map[string]any{"workflow": state, "incident": off.ID})
	})
}

// confirm reads the state again, and decides by who has switched it off.
func (disabledSubject) confirm(ctx context.Context, e *Engine, sc *scope) (next, error) {
	state, err := e.workflowState(ctx, sc)
	if err != nil {
		return next{}, err
	}
	if !schedule.SwitchedOff(state) {
		return next{}, e.switchedOn(ctx, sc, state)
	}
	if err := e.addressTick(ctx, sc); err != nil {
		return next{}, err
	}
	sc.inc.Conclusion = state
	evidence := map[string]any{"workflow": state}
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if why := stayOff(state, sc.flow.Schedule.Reenable); why != "" {
			sc.inc.ConfirmedAt = e.now()
			return e.move(ctx, tx, sc.inc, Exhausted, why, evidence)
		}
		return e.move(ctx, tx, sc.inc, Failing, "GitHub has switched the workflow off because the repository had no activity for 60 days", evidence)
	})
}

// stayOff says why a workflow is not switched on without a person, "" when it is.
func stayOff(state string, c config.Reenable) string {
	switch {
	case state == workflowInactive && c == config.ReenableNever:
		return "GitHub has switched the workflow off because of inactivity; it stays off, since reenable is never"
	case state == workflowInactive:
		return ""
	case state == "disabled_fork":
		return "GitHub switches the schedules of forks off; a person has to switch it on"
	}
	return fmt.Sprintf("a person has disabled the workflow (%s), and it stays so until a person enables it", state)
}

// LeftOff says whether all that the incident is about is that a person has
// switched the workflow off on purpose, and nobody has asked for more since.
func (i *Incident) LeftOff() bool {
	return i.Signal == Disabled && i.State == Exhausted && i.Conclusion == byPerson && i.Actor == ""
}

// look reads the state before anything is done about it: a person may have
// switched it on meanwhile, or off on purpose.
func (disabledSubject) look(ctx context.Context, e *Engine, sc *scope) (n next, stop bool, err error) {
	state, err := e.workflowState(ctx, sc)
	if err != nil {
		return next{}, false, err
	}
	if !schedule.SwitchedOff(state) {
		return next{}, true, e.switchedOn(ctx, sc, state)
	}
	why := stayOff(state, sc.flow.Schedule.Reenable)
	if s := State(sc.inc.State); why == "" || sc.inc.Forced || s == Exhausted || s == InDoubt {
		return next{}, false, nil
	}
	return next{}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.Conclusion, sc.inc.HeldBy, sc.inc.NotBefore = state, "", 0
		return e.move(ctx, tx, sc.inc, Exhausted, why, map[string]any{"workflow": state})
	})
}

// switchedOn ends the incident without us.
func (e *Engine) switchedOn(ctx context.Context, sc *scope, state string) error {
	reason := "the workflow was switched on again"
	if state == workflowDeleted {
		reason = "the workflow is not there any more"
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.move(ctx, tx, sc.inc, Healthy, reason, map[string]any{"workflow": state})
	})
}

func (disabledSubject) ended(context.Context, *Engine, *scope) (string, error) {
	return "the workflow is switched off", nil // look has just read it
}

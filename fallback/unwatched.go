package fallback

import (
	"context"
	"errors"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// EndUnwatched ends the open incidents that are nobody's business any more: of
// repositories that the App does not cover, at once, and of workflows that have
// not been watched for [store.KeepWatch]. What a step has begun is followed to
// its end before, for as long as its evidence is awaited. It is called every
// hour: nothing happens any more that could wake such an incident.
func (e *Engine) EndUnwatched(ctx context.Context) error {
	list, err := store.Incidents(ctx, e.Store.Read(), store.IncidentFilter{States: unsettled, Limit: 1 << 30})
	var all error
	for i := range list {
		if Signal(list[i].Signal) == Upstream {
			continue
		}
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.endUnwatched(ctx, tx, &list[i]) })
		if err != nil && !errors.Is(err, store.ErrConflict) { // it is looked at in an hour
			all = errors.Join(all, fmt.Errorf("end incident %d: %w", list[i].ID, err))
		}
	}
	return errors.Join(err, all)
}

func (e *Engine) endUnwatched(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	why, err := e.unwatched(ctx, inc)
	if err != nil || why == "" {
		return err
	}
	steps, err := e.Store.Steps(ctx, inc.ID)
	if err != nil {
		return err
	}
	for i := range steps {
		st := &steps[i]
		was := st.State
		if was != store.StepIntent && was != store.StepStarted {
			continue
		}
		if e.Clock.Since(st.IntentAt.Time()) < e.StepDeadline {
			return nil
		}
		st.State, st.Reason = store.StepInDoubt, why
		if err := e.writeStep(ctx, tx, st, was); err != nil {
			return err
		}
		if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimInDoubt, e.now()); err != nil {
			return err
		}
	}
	if State(inc.State) == Suspected && inc.TickAt != 0 {
		if err := e.saveTick(ctx, tx, inc, store.TickUnwatched); err != nil {
			return err
		}
	}
	c, known, err := store.ReadClaim(ctx, tx, inc.OccurrenceKey)
	if err != nil {
		return err
	}
	// The claim of a doubt stays one: whoever asks for it is told to skip.
	if State(inc.State) == InDoubt || known && e.lapsed(c) {
		why += "; whether its work was done has never been found out"
	}
	inc.HeldBy, inc.NotBefore = "", 0
	return e.move(ctx, tx, inc, Healthy, why, map[string]any{"was": inc.State})
}

// unwatched says why an incident is nobody's business any more, "" when it is
// somebody's, or may be again in a moment.
func (e *Engine) unwatched(ctx context.Context, inc *store.Incident) (string, error) {
	db := e.Store.Read()
	r, known, err := e.Store.Repository(ctx, inc.RepoID)
	if err != nil {
		return "", err
	}
	if known && r.Removed {
		return "the App does not cover the repository any more", nil
	}
	if !known || e.Clock.Since(inc.OpenedAt.Time()) < store.KeepWatch {
		return "", nil
	}
	_, watched, err := store.ReadWatch(ctx, db, inc.RepoID, inc.WorkflowPath)
	if err != nil || watched {
		return "", err
	}
	// A configuration that was never read says nothing of what is watched. One
	// that names a workflow without a file watches nothing.
	if _, known, err := e.Configs.InForce(ctx, inc.RepoID); err != nil || !known {
		return "", err
	}
	_, ended, err := store.EndedWatch(ctx, db, inc.RepoID, inc.WorkflowPath, e.now()-store.Millis(store.KeepWatch.Milliseconds()))
	if err != nil || ended != 0 {
		return "", err
	}
	return "the workflow is not watched any more", nil
}

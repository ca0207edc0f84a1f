package fallback

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// move takes inc to another state: compare-and-swap, a line of the timeline,
// and the jobs that make it visible, all in tx. Fields of inc that the caller
// changed are written with it.
func (e *Engine) move(ctx context.Context, tx *store.Tx, inc *store.Incident, to State, reason string, evidence map[string]any) error {
	from := State(inc.State)
	if !allowed(from, to) {
		return errTransition(from, to)
	}
	inc.State, inc.Reason, inc.Following = string(to), reason, 0
	if to.Settled() || to == Exhausted {
		inc.Evidence = document(evidence)
	}
	if to == Failing && inc.ConfirmedAt == 0 {
		inc.ConfirmedAt = e.now()
	}
	inc.SettledAt = 0
	if to.Settled() {
		inc.SettledAt = e.now()
	}
	if err := e.write(ctx, tx, inc, from, reason, evidence); err != nil {
		return err
	}
	tx.OnCommit(func() {
		zerolog.Ctx(ctx).Info().Int64("incident", inc.ID).Int64("installation_id", inc.InstallationID).
			Str("repo", inc.Owner+"/"+inc.Repo).Str("workflow", inc.WorkflowPath).
			Str("from", string(from)).Str("to", string(to)).Msg(reason)
	})
	if from == Healthy {
		if err := e.born(ctx, tx, inc); err != nil {
			return err
		}
	}
	if (to.Settled() || to.Waiting()) && inc.TickAt != 0 { // with catchup all, the next tick waits for this one
		if err := e.wakeMissed(ctx, tx, inc.RepoID, inc.WorkflowPath, string(Failing), string(Recovering)); err != nil {
			return err
		}
	}
	if to.Settled() || to == Exhausted {
		if err := e.wakeTicks(ctx, tx, inc); err != nil {
			return err
		}
	}
	if to.Settled() || to.Waiting() {
		return e.Queue.Enqueue(ctx, tx, refreshItem(inc.ID))
	}
	return nil
}

// note adds a fact to the timeline without a change of state.
func (e *Engine) note(ctx context.Context, tx *store.Tx, inc *store.Incident, reason string, evidence map[string]any) error {
	return e.write(ctx, tx, inc, State(inc.State), reason, evidence)
}

func (e *Engine) write(ctx context.Context, tx *store.Tx, inc *store.Incident, from State, reason string, evidence map[string]any) error {
	inc.UpdatedAt = e.now()
	if err := tx.SwapIncident(ctx, inc, string(from)); err != nil {
		return err
	}
	event := store.Event{IncidentID: inc.ID, At: inc.UpdatedAt, From: string(from), To: inc.State, Reason: reason, Evidence: document(evidence)}
	if err := tx.AddEvent(ctx, event); err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, tx, publishItem(inc.ID))
}

package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// workDone takes a person's word that the work of an incident in doubt was
// done: the incident ends, its claim is a tombstone, and nothing is started.
// What a step in doubt has done stays unknown, and the record says so.
func (e *Engine) workDone(ctx context.Context, r queue.Recover, key string) (answer Answer, err error) {
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		inc, ok, err := store.ReadIncident(ctx, tx, r.IncidentID)
		if err != nil {
			return err
		}
		name, s := workflowName(inc.WorkflowPath), State(inc.State)
		switch {
		case !ok || inc.RepoID != r.Repo.ID: // a button can come from anywhere
			answer = refuse("There is no incident %d in this repository.", r.IncidentID)
			return nil
		case r.Automated:
			answer = refuse("Whether the work of incident %d was done is for a person to say.", inc.ID)
		case s.Settled():
			answer = refuse("Incident %d of %s is over: %s.", inc.ID, name, inc.Reason)
		case s != InDoubt:
			answer = refuse("Incident %d of %s is not in doubt, it is %s: %s.", inc.ID, name, s, inc.Reason)
		default:
			if err := e.believeDone(ctx, tx, &inc, r); err != nil {
				return err
			}
			answer = Answer{Accepted: true, Message: fmt.Sprintf("Incident %d of %s is closed: its work was done. Nothing more is started for it.", inc.ID, name)}
		}
		answer.IncidentID = inc.ID
		return e.remember(ctx, tx, key, answer)
	})
	return answer, err
}

func (e *Engine) believeDone(ctx context.Context, tx *store.Tx, inc *store.Incident, r queue.Recover) error {
	evidence := map[string]any{"actor": r.Actor, "was": inc.Reason, "said": "done"}
	if r.Reason != "" {
		evidence["why"] = clip(r.Reason, maxName)
	}
	if err := tx.SettleClaim(ctx, inc.OccurrenceKey, "person:"+who(r.Actor), e.now()); err != nil {
		return err
	}
	inc.HeldBy, inc.NotBefore, inc.Actor = "", 0, r.Actor
	return e.move(ctx, tx, inc, Recovered, who(r.Actor)+" said that the work was done", evidence)
}

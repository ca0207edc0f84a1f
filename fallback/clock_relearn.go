package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/store"
)

// Relearn derives the graces of a watched workflow anew, now: more of its past
// is on record than when they were last learned. One that is not watched any
// more needs none.
func (e *Engine) Relearn(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error {
	w, ok, err := store.ReadWatch(ctx, tx, repoID, workflowPath)
	if err != nil || !ok {
		return err
	}
	facts, flow, err := readWatch(&w)
	if err != nil {
		return err
	}
	w.LearnedAt = 0
	if err := e.learn(ctx, tx, &w, e.Clock.Now()); err != nil {
		return err
	}
	e.plan(&w, e.clock.schedule(facts.Crons), flow)
	e.clock.ring(tx)
	return tx.SettleWatch(ctx, &w)
}

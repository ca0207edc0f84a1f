package clock

import (
	"context"

	"github.com/redundancy-app/redundancy/store"
)

// Relearn derives the graces of a watched workflow anew, now: more of its past
// is on record than when they were last learned. One that is not watched any
// more needs none.
func (c *Clock) Relearn(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error {
	w, ok, err := store.ReadWatch(ctx, tx, repoID, workflowPath)
	if err != nil || !ok {
		return err
	}
	facts, flow, err := ReadWatch(&w)
	if err != nil {
		return err
	}
	w.LearnedAt = 0
	if err := c.learn(ctx, tx, &w, c.Clock.Now()); err != nil {
		return err
	}
	c.plan(&w, c.Schedule(facts.Crons), flow)
	c.ring(tx)
	return tx.SettleWatch(ctx, &w)
}

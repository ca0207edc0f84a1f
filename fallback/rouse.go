package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Rouse gives every incident a turn in an hour, spread over ten minutes. One
// that has a turn sooner keeps that; what this brings back are those whose
// wake-up was lost, such as to a dead letter. An exhausted incident waits for a
// person or a run, and neither is lost so.
func (e *Engine) Rouse(ctx context.Context, tx *store.Tx) error {
	var states []string
	for _, s := range unsettled {
		if s != string(Exhausted) {
			states = append(states, s)
		}
	}
	list, err := store.Incidents(ctx, tx, store.IncidentFilter{States: states, Limit: 1 << 30})
	if err != nil {
		return err
	}
	now := e.Clock.Now()
	for _, inc := range list {
		at := now.Add(time.Hour + time.Duration(inc.ID%600)*time.Second)
		if err := e.Queue.Enqueue(ctx, tx, advanceItem(inc.ID, at)); err != nil {
			return err
		}
	}
	return nil
}

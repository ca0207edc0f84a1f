package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// reopen takes the failure of a run to the incident that its tick has already:
// one tick is one occurrence, whether its run is missed, late or fails. nil
// when that leads to nothing new.
func (e *Engine) reopen(ctx context.Context, tx *store.Tx, key string, o opening) (*store.Incident, error) {
	inc, ok, err := store.IncidentOfKey(ctx, tx, key)
	if err != nil || !ok || o.run.TickAt == 0 || inc.RunID != 0 {
		return nil, err
	}
	switch s := State(inc.State); s {
	case Healthy, Suspected: // the run came, late; now it has failed
		if o.actor != "" {
			inc.Actor, inc.Forced = o.actor, !o.automated
			if err := e.passPauses(ctx, tx, &inc); err != nil {
				return nil, err
			}
		}
		if inc.StepIndex != 0 { // it had begun a round before all was well
			inc.Round, inc.StepIndex = inc.Round+1, 0
		}
		fill(&inc, o.run)
		inc.Depth = max(inc.Depth, o.depth)
		reason := fmt.Sprintf("the tick's run came, %s, and attempt %d concluded %s", lateness(&inc, o.run), o.run.Attempt, o.run.Conclusion)
		if err := e.saveTick(ctx, tx, &inc, store.TickLate); err != nil {
			return nil, err
		}
		if err := e.move(ctx, tx, &inc, Failing, reason, runEvidence(o.run)); err != nil {
			return nil, err
		}
		return &inc, e.wake(ctx, tx, inc.ID)
	default:
		// Whoever works on the tick, or has done it, looks at the run itself.
		return nil, e.wake(ctx, tx, inc.ID)
	}
}

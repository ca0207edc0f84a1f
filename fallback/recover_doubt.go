package fallback

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// askOnceMore reads what a doubt is about before a person's word ends it: the
// run may have ended since it was last looked at, and its webhook may be lost.
// Without an answer the person's word counts, who may not be able to wait for GitHub.
func (e *Engine) askOnceMore(ctx context.Context, id int64) {
	log := zerolog.Ctx(ctx).With().Int64("incident", id).Logger()
	sc, ok, err := e.scope(ctx, id)
	if err == nil && ok && State(sc.inc.State) == InDoubt && sc.last(store.StepInDoubt) != nil {
		if _, err = e.doubt(log.WithContext(ctx), sc); err == nil && State(sc.inc.State) != InDoubt {
			err = e.later(ctx, id, time.Time{}) // it goes on from there
		}
	}
	if err != nil {
		log.Warn().Err(err).Msg("what is in doubt could not be read again")
	}
}

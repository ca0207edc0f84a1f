package upstream

import (
	"context"
	"sync"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// answers counts how requests to GitHub went. What it counts is in memory, as
// requests are many and their like come at once after a restart; the states
// that follow from it are stored.
type answers struct {
	mu      sync.Mutex
	loaded  bool
	breaker storm.Breaker
}

// Answered hears how a request to GitHub went; see githubapi.Config.OnAnswer.
// Many requests in a row without an answer are an upstream incident.
func (h *Health) Answered(ok bool) {
	h.answers.mu.Lock()
	defer h.answers.mu.Unlock()
	ctx := h.Log.WithContext(context.Background())
	if !h.answers.loaded {
		d, err := Read(ctx, h.Store.Read(), API)
		if err != nil {
			h.Log.Error().Err(err).Msg("cannot read how GitHub's API was")
			return
		}
		h.answers.breaker, h.answers.loaded = d.Stored, true
	}
	now, r := h.Clock.Now(), h.rules(API)
	is := r.Record(h.answers.breaker, storm.Outcome{At: now, OK: ok}, now)
	changed := is.State != h.answers.breaker.State
	h.answers.breaker = is
	if !changed {
		return
	}
	err := h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		d, err := Read(ctx, tx, API)
		if err != nil {
			return err
		}
		return h.Turn(ctx, tx, d, is, "it gives no answers", nil)
	})
	if err != nil { // the next request tries again
		h.answers.loaded = false
		h.Log.Error().Err(err).Msg("cannot write how GitHub's API is")
	}
}

// Granted keeps what a request that changes something has told about the rate
// limit of an installation: others need not ask until it ends. cause is the
// error it ended with, done that it was taken on.
func (h *Health) Granted(ctx context.Context, tx *store.Tx, installation int64, cause error, done bool) error {
	name, now := Limit(installation), h.Clock.Now()
	until, isLimit := githubapi.LimitedUntil(cause)
	if cause == nil || !isLimit {
		if !done {
			return nil
		}
		d, err := Read(ctx, tx, name)
		if err != nil || d.Stored.State == storm.Closed {
			return err
		}
		return h.Record(ctx, tx, name, storm.Outcome{At: now, OK: true})
	}
	d, err := Read(ctx, tx, name)
	if err != nil {
		return err
	}
	return h.Turn(ctx, tx, d, h.rules(name).Limit(d.Stored, until, now), "the rate limit is reached", nil)
}

package fallback

import (
	"context"
	"fmt"
	"sync"
	"time"

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
func (e *Engine) Answered(ok bool) {
	e.answers.mu.Lock()
	defer e.answers.mu.Unlock()
	ctx := e.Log.WithContext(context.Background())
	if !e.answers.loaded {
		d, err := readDependency(ctx, e.Store.Read(), dependsAPI)
		if err != nil {
			e.Log.Error().Err(err).Msg("cannot read how GitHub's API was")
			return
		}
		e.answers.breaker, e.answers.loaded = d.breaker, true
	}
	now, r := e.Clock.Now(), e.rules(dependsAPI)
	is := r.Record(e.answers.breaker, storm.Outcome{At: now, OK: ok}, now)
	changed := is.State != e.answers.breaker.State
	e.answers.breaker = is
	if !changed {
		return
	}
	err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		d, err := readDependency(ctx, tx, dependsAPI)
		if err != nil {
			return err
		}
		return e.turned(ctx, tx, d, is, "it gives no answers", nil)
	})
	if err != nil { // the next request tries again
		e.answers.loaded = false
		e.Log.Error().Err(err).Msg("cannot write how GitHub's API is")
	}
}

// granted keeps what a step learned about the rate limit of its installation:
// others need not ask until it ends.
func (e *Engine) granted(ctx context.Context, tx *store.Tx, sc *scope, res result) error {
	name, now := limited(sc.repo.InstallationID), e.Clock.Now()
	until, isLimit := githubapi.LimitedUntil(res.cause)
	if res.cause == nil || !isLimit {
		if res.verdict != happened {
			return nil
		}
		d, err := readDependency(ctx, tx, name)
		if err != nil || d.breaker.State == storm.Closed {
			return err
		}
		return e.record(ctx, tx, name, storm.Outcome{At: now, OK: true})
	}
	d, err := readDependency(ctx, tx, name)
	if err != nil {
		return err
	}
	return e.turned(ctx, tx, d, e.rules(name).Limit(d.breaker, until, now), "the rate limit is reached", nil)
}

const (
	// silentAfter is how long without a delivery is suspicious, when GitHub has
	// runs to tell of. Webhooks came 24 minutes late on average in the trouble
	// of 2024-07-05, 71 at most (github.blog, availability report).
	silentAfter = 15 * time.Minute
	// tellWithin is how long a run has to be known for its delivery to be missed.
	tellWithin = 5 * time.Minute
	// silentRuns is how many untold runs are no coincidence.
	silentRuns = 3
	// listenEvery is the pause between two comparisons.
	listenEvery = time.Minute
)

// silence is when deliveries were last compared with what is known from asking.
type silence struct {
	mu sync.Mutex
	at time.Time
	up time.Time // this process is
}

// listen compares what GitHub tells with what it shows: runs that are known
// from asking, without any delivery for long, mean that webhooks do not come.
// Nothing is held for that, since recoveries do not need them.
func (e *Engine) listen(ctx context.Context, tx *store.Tx) error {
	now := e.Clock.Now()
	e.silence.mu.Lock()
	due := now.Sub(e.silence.at) >= e.scaled(listenEvery) && now.Sub(e.silence.up) >= e.scaled(silentAfter)
	if due {
		e.silence.at = now
	}
	e.silence.mu.Unlock()
	if !due {
		return nil
	}
	last, runs, err := store.Unheard(ctx, tx, store.MillisOf(now.Add(-e.scaled(tellWithin))))
	if err != nil || last == 0 { // a server without webhooks misses none
		return err
	}
	silent := runs >= silentRuns && now.Sub(last.Time()) >= e.scaled(silentAfter)
	d, err := readDependency(ctx, tx, dependsWebhooks)
	if err != nil {
		return err
	}
	r := e.rules(dependsWebhooks)
	is := r.Record(d.breaker, storm.Outcome{At: now, OK: !silent}, now)
	if is.State != storm.Closed && now.Sub(last.Time()) < e.scaled(silentAfter) {
		is = r.Heal(is, now) // a delivery that is newer than the silence ends it
	}
	why := fmt.Sprintf("no delivery since %s, and %s that it should have told of", last.Time().Format(timeFormat), plural(runs, "run"))
	return e.turned(ctx, tx, d, is, why, map[string]any{"last": last.Time(), "runs": runs})
}

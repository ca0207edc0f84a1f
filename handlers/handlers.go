// Package handlers turns GitHub's webhooks into jobs, one file per event:
// parse, decide whether it concerns us, enqueue. Nothing here calls GitHub, so
// an event that does not concern us costs no request; and everything a handler
// enqueues is idempotent, so a delivery may be handled any number of times.
package handlers

import (
	"context"
	"fmt"
	"sync"

	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Runs knows which workflow runs matter. The recovery engine implements it
// from its own tables, without a call to GitHub.
type Runs interface {
	// Watches says whether a workflow (".github/workflows/x.yml") is watched.
	// known is false when the repository's configuration was never read.
	Watches(ctx context.Context, repoID int64, workflowPath string) (watched, known bool, err error)
	// Tracks says whether a run is part of an incident: the run that failed,
	// or one that a recovery started.
	Tracks(ctx context.Context, repoID, runID int64) (bool, error)
	// Seen takes note of a run of a watched workflow on the default branch.
	Seen(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error
}

// Config is what the handlers need. Every field but BotLogin and Registerer must be set.
type Config struct {
	Store *store.Store
	Queue queue.Enqueuer
	Clock clockwork.Clock
	Runs  Runs
	// AppID is the App's id. Check Runs and suites of other Apps are ignored.
	AppID int64
	// BotLogin gives the login under which our dispatches start runs,
	// "slug[bot]", or "" while it is unknown: then every bot counts as ourselves.
	BotLogin func() string
	// Registerer gets redundancy_events_total{event,decision}; nil means none.
	Registerer prometheus.Registerer
}

// All makes the handlers of every event that the App subscribes to.
func All(c Config) []githubapp.EventHandler {
	if c.BotLogin == nil {
		c.BotLogin = func() string { return "" }
	}
	b := &base{Config: c, decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redundancy_events_total",
		Help: "Handled webhook events by what was decided: enqueued, ignored or malformed.",
	}, []string{"event", "decision"})}
	if c.Registerer != nil {
		c.Registerer.MustRegister(b.decisions)
	}
	return []githubapp.EventHandler{
		&Push{b},
		&CheckSuite{b},
		&CheckRun{b},
		&WorkflowRun{b},
		&PullRequest{b},
		&IssueComment{b},
		&RepositoryDispatch{b},
		&Installation{b},
		&InstallationRepositories{b},
	}
}

type base struct {
	Config
	decisions *prometheus.CounterVec
	told      sync.Map // repository id → store.Repository; what its last event said, once it is on record
}

// intent is what a handler wants done. Without items and write the event does
// not concern us, and why says so in a clause.
type intent struct {
	items []queue.Item
	write func(ctx context.Context, tx *store.Tx) error // in the transaction that enqueues; may be nil
	why   string
}

func ignore(why string) intent { return intent{why: why} }

func enqueue(items ...queue.Item) intent { return intent{items: items} }

// payload is a parsed event.
type payload interface{ common() *envelope }

// handle is the frame of every handler: bytes that do not fit the event are
// logged and dropped, because no repetition mends them (the delivery stays
// stored and can be replayed); what decide returns is committed as one.
func handle[E payload](ctx context.Context, b *base, event, deliveryID string, body []byte, decide func(context.Context, E) (intent, error)) error {
	e, err := decode[E](body)
	if err != nil {
		b.decisions.WithLabelValues(event, "malformed").Inc()
		zerolog.Ctx(ctx).Warn().Err(err).Str("delivery_id", deliveryID).Str("event", event).Msg("event does not fit its description, ignored")
		return nil
	}
	env := e.common()
	log := zerolog.Ctx(ctx).With().Str("delivery_id", deliveryID).Str("event", event).Str("action", env.Action).
		Int64("installation_id", env.Installation.ID).Str("repo", env.Repository.FullName).Logger()
	ctx = log.WithContext(ctx)

	want, err := decide(ctx, e)
	if err != nil {
		return fmt.Errorf("handle %s: %w", event, err)
	}
	facts, news := env.facts(store.MillisOf(b.Clock.Now()))
	if news {
		if news, err = b.news(ctx, facts); err != nil {
			return fmt.Errorf("handle %s: %w", event, err)
		}
	}
	ignored := len(want.items) == 0 && want.write == nil
	if ignored {
		b.decisions.WithLabelValues(event, "ignored").Inc()
		log.Debug().Str("why", want.why).Msg("event does not concern us")
		if !news {
			return nil
		}
	}
	err = b.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if news {
			if err := b.learn(ctx, tx, facts, deliveryID); err != nil {
				return err
			}
		}
		if want.write != nil {
			if err := want.write(ctx, tx); err != nil {
				return err
			}
		}
		return b.Queue.Enqueue(ctx, tx, want.items...)
	})
	if err != nil {
		return fmt.Errorf("handle %s: %w", event, err)
	}
	if ignored {
		return nil
	}
	b.decisions.WithLabelValues(event, "enqueued").Inc()
	log.Debug().Int("jobs", len(want.items)).Msg("event enqueued")
	return nil
}

package health

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// Reader computes health from the store.
type Reader struct {
	store  *store.Store
	clock  clockwork.Clock
	budget time.Duration
	kept   *kept
}

// Config is what a [Reader] needs.
type Config struct {
	Store *store.Store
	Clock clockwork.Clock
	// Budget is how long one [Reader.Fleet] may compute; 0 means 8 s, which is
	// below what the command line waits for an answer.
	Budget time.Duration
}

// New returns a reader. It is safe for concurrent use.
func New(cfg Config) *Reader {
	return &Reader{store: cfg.Store, clock: cfg.Clock, budget: cmp.Or(cfg.Budget, 8*time.Second), kept: newKept()}
}

const (
	// defaultGrace is the one that the engine starts with.
	defaultGrace = 15 * time.Minute
	// historyAge is how far back runs are looked at: a monthly workflow needs
	// time to get its samples. The store keeps runs for 90 days.
	historyAge = 90 * day
	// maxRows of one workflow that are read of each kind: a run every five
	// minutes for 28 days, so that the weeks of a trend are whole.
	maxRows = 10_000
)

// Targets are the watched workflows of a repository, by path.
func (r *Reader) Targets(ctx context.Context, repo store.Repository) ([]Target, error) {
	watches, err := store.WatchesOf(ctx, r.store.Read(), repo.ID)
	if err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(watches))
	for _, w := range watches {
		f, err := r.facts(ctx, repo, w)
		if err != nil {
			return nil, err
		}
		targets = append(targets, Score(f, r.clock.Now()))
	}
	return targets, nil
}

func (r *Reader) facts(ctx context.Context, repo store.Repository, w store.Watch) (*Facts, error) {
	f := &Facts{Repo: repo.FullName(), Workflow: w.WorkflowPath, Since: cmp.Or(w.FirstSeen, w.WatchedSince).Time(), Grace: defaultGrace}
	var file config.WorkflowFacts
	var flow config.Workflow
	if err := decode(w.Facts, &file); err != nil {
		return nil, fmt.Errorf("read facts of %s: %w", w.WorkflowPath, err)
	}
	if err := decode(w.Flow, &flow); err != nil {
		return nil, fmt.Errorf("read configuration of %s: %w", w.WorkflowPath, err)
	}
	f.Scheduled = len(file.Crons) > 0
	f.Grace = cmp.Or(flow.Schedule.Grace.Std(), time.Duration(w.Soft)*time.Millisecond, defaultGrace)
	now := r.clock.Now()
	since := store.MillisOf(now.Add(-TheFormula.window()))
	var err error
	if f.Runs, err = r.store.PastRuns(ctx, repo.ID, w.WorkflowPath, repo.DefaultBranch, store.MillisOf(now.Add(-historyAge)), maxRows); err != nil {
		return nil, err
	}
	if f.Ticks, err = r.store.PastTicks(ctx, repo.ID, w.WorkflowPath, since, maxRows); err != nil {
		return nil, err
	}
	f.Incidents, err = r.store.IncidentSpans(ctx, repo.ID, w.WorkflowPath, since, maxRows)
	return f, err
}

func decode(doc string, into any) error {
	if doc == "" {
		return nil
	}
	return json.Unmarshal([]byte(doc), into)
}

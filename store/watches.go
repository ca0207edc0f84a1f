package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Watch is a watched workflow: what its file says, and up to where its
// schedule is accounted for.
type Watch struct {
	bun.BaseModel `bun:"table:watches"`

	RepoID         int64  `bun:",pk"`
	WorkflowPath   string `bun:",pk"`
	InstallationID int64
	Facts          string // JSON of config.WorkflowFacts
	Flow           string // JSON of config.Workflow
	WatchedSince   Millis // ticks before this are nobody's
	SettledThrough Millis // ticks up to and with this are accounted for
	DueAt          Millis // when the clock looks next; 0 never
	Soft           int64  // learned grace before a tick is suspected, in ms; 0 the default
	Hard           int64  // learned grace before it counts as missed, in ms; 0 the default
	Samples        int    // that the graces were learned from
	LearnedAt      Millis
	WorkflowState  string // GitHub's: active, disabled_manually, disabled_inactivity, …; "" unknown
	StateAt        Millis
	Flapping       bool
	HistoryAt      Millis // when its past runs were read; 0 never
	FirstSeen      Millis // when it was enrolled; unlike WatchedSince it never moves
	BackAt         Millis // when it came back after it had ended for at most [KeepWatch]; 0 never
	PastAt         Millis // its past is not asked for before this; 0 at once
	PastRefused    int    // times that it was refused
	CronsSince     string // JSON: when crons began that are younger than the watch, by "spec|timezone", in ms; "" none is
}

// Since is from when on its runs were told of, at the latest: it may have ended
// and come back.
func (w *Watch) Since() Millis { return max(w.WatchedSince, w.BackAt) }

// ReadWatch reads one; ok is false when the workflow is not watched.
func ReadWatch(ctx context.Context, db bun.IDB, repoID int64, path string) (w Watch, ok bool, err error) {
	err = db.NewSelect().Model(&w).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Scan(ctx)
	return found(w, err, "read watch")
}

// WatchesOf are the watched workflows of a repository, by path.
func WatchesOf(ctx context.Context, db bun.IDB, repoID int64) ([]Watch, error) {
	var list []Watch
	if err := db.NewSelect().Model(&list).Where("repo_id = ?", repoID).OrderExpr("workflow_path").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list watches: %w", err)
	}
	return list, nil
}

// SaveWatch writes a watch, new or not. FirstSeen is kept from the first time.
func (tx *Tx) SaveWatch(ctx context.Context, w *Watch) error {
	_, err := tx.NewInsert().Model(w).On("CONFLICT (repo_id, workflow_path) DO UPDATE").
		Set("installation_id = EXCLUDED.installation_id, facts = EXCLUDED.facts, flow = EXCLUDED.flow").
		Set("watched_since = EXCLUDED.watched_since, settled_through = EXCLUDED.settled_through, due_at = EXCLUDED.due_at").
		Set("soft = EXCLUDED.soft, hard = EXCLUDED.hard, samples = EXCLUDED.samples, learned_at = EXCLUDED.learned_at").
		Set("workflow_state = EXCLUDED.workflow_state, state_at = EXCLUDED.state_at").
		Set("flapping = EXCLUDED.flapping, history_at = EXCLUDED.history_at, crons_since = EXCLUDED.crons_since").
		Set("back_at = EXCLUDED.back_at, past_at = EXCLUDED.past_at, past_refused = EXCLUDED.past_refused").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write watch of %s: %w", w.WorkflowPath, err)
	}
	return nil
}

package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// DeleteTick takes a tick off the record: a run has answered it in time.
func (tx *Tx) DeleteTick(ctx context.Context, t Tick) error {
	if _, err := tx.NewDelete().Model(&t).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("delete tick of %s: %w", t.WorkflowPath, err)
	}
	return nil
}

// DueWatches are the watches whose moment has come, the longest due first.
func DueWatches(ctx context.Context, tx *Tx, now Millis, limit int64) ([]Watch, error) {
	var list []Watch
	err := tx.NewSelect().Model(&list).Where("due_at <> 0").Where("due_at <= ?", now).OrderExpr("due_at").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list due watches: %w", err)
	}
	return list, nil
}

// NextDue is when the next watch is due; 0 when none ever is.
func (s *Store) NextDue(ctx context.Context) (Millis, error) {
	var due Millis
	err := s.read.NewRaw(`SELECT coalesce(min(due_at), 0) FROM watches WHERE due_at <> 0`).Scan(ctx, &due)
	if err != nil {
		return 0, fmt.Errorf("read next due watch: %w", err)
	}
	return due, nil
}

// SettleWatch writes what the clock has found out about a watch: how far it is
// settled, when it is due, and what was learned.
func (tx *Tx) SettleWatch(ctx context.Context, w *Watch) error {
	_, err := tx.NewUpdate().Model(w).WherePK().
		Column("settled_through", "due_at", "soft", "hard", "samples", "learned_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write watch of %s: %w", w.WorkflowPath, err)
	}
	return nil
}

// DeleteWatch ends the watch of a workflow.
func (tx *Tx) DeleteWatch(ctx context.Context, repoID int64, path string) error {
	_, err := tx.NewDelete().Model((*Watch)(nil)).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete watch of %s: %w", path, err)
	}
	return nil
}

// Unwatched are the repositories with a configuration in force of which no
// workflow has a watch, by id: those that were read before there were watches.
func (s *Store) Unwatched(ctx context.Context, limit int64) ([]RepositoryConfig, error) {
	var list []RepositoryConfig
	err := s.read.NewSelect().Model(&list).Column("repo_id", "installation_id", "owner", "name").
		Where("length(good) > 0").Where("repo_id NOT IN (SELECT repo_id FROM watches)").
		OrderExpr("repo_id").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories without watches: %w", err)
	}
	return list, nil
}

// RunTick is a tick that a run answers.
type RunTick struct {
	TickAt    Millis
	TickCron  string
	CreatedAt Millis // of the run
}

// RunTicks are the ticks of a workflow, answered by runs that were created at
// or after since: the newest first, each once, at most limit.
func RunTicks(ctx context.Context, db bun.IDB, repoID int64, path string, since Millis, limit int) ([]RunTick, error) {
	var list []RunTick
	// An attempt has a row of its own; the run is one answer.
	err := db.NewRaw(`SELECT tick_at, tick_cron, min(created_at) AS created_at FROM workflow_runs
		WHERE repo_id = ? AND workflow_path = ? AND created_at >= ? AND tick_at <> 0
		GROUP BY tick_at, tick_cron ORDER BY created_at DESC LIMIT ?`, repoID, path, since, limit).Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("read answered ticks of %s: %w", path, err)
	}
	return list, nil
}

// TickOfRun is the tick that an attempt of a run is known to answer; ok is
// false when none is.
func TickOfRun(ctx context.Context, db bun.IDB, repoID, runID int64) (r WorkflowRun, ok bool, err error) {
	err = db.NewSelect().Model(&r).Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("tick_at <> 0").Limit(1).Scan(ctx)
	return found(r, err, "read tick of run")
}

// Watchable says whether GitHub runs a repository's schedules and lets us look:
// it is covered by an active installation and not archived. What is not on
// record yet counts as watchable.
func Watchable(ctx context.Context, db bun.IDB, repoID int64) (bool, error) {
	var n int
	err := db.NewRaw(`SELECT count(*) FROM repositories AS r LEFT JOIN installations AS i ON i.id = r.installation_id
		WHERE r.id = ? AND (r.removed OR r.archived OR coalesce(i.state, 'active') <> 'active')`, repoID).Scan(ctx, &n)
	if err != nil {
		return false, fmt.Errorf("read repository %d: %w", repoID, err)
	}
	return n == 0, nil
}

package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// AttemptTimes is how one attempt of a run went, as far as stalls are judged by it.
type AttemptTimes struct {
	RunID      int64
	Attempt    int // from 1
	Conclusion string
	StartedAt  Millis // when this attempt was asked for; 0 unknown
	BeganAt    Millis // when it was first seen in progress; 0 unknown
	EndedAt    Millis // GitHub's updated_at of the completed run
}

// AttemptsOf are the attempts of a workflow's runs created since a moment that
// have ended, newest first and at most limit. Runs of pull requests are left
// out: they can come from code that takes its own time.
func AttemptsOf(ctx context.Context, db bun.IDB, repoID int64, path string, since Millis, limit int) ([]AttemptTimes, error) {
	var rows []AttemptTimes
	err := db.NewSelect().TableExpr("workflow_runs").
		ColumnExpr("run_id, attempt, conclusion, started_at, began_at, updated_at AS ended_at").
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("created_at >= ?", since).
		Where("status = 'completed'").Where("event NOT LIKE 'pull_request%'").
		OrderExpr("created_at DESC, run_id DESC, attempt DESC").Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read attempts of %s: %w", path, err)
	}
	return rows, nil
}

// IsChild says whether an attempt of a run is the work of a step.
func IsChild(ctx context.Context, db bun.IDB, repoID, runID int64, attempt int) (bool, error) {
	ok, err := db.NewSelect().Model((*Child)(nil)).Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("attempt = ?", attempt).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("read origin of run %d: %w", runID, err)
	}
	return ok, nil
}

// NoteUnseen notes since when GitHub has not shown the jobs of an attempt; 0
// when it does.
func (tx *Tx) NoteUnseen(ctx context.Context, repoID, runID int64, attempt int, since Millis) error {
	_, err := tx.NewUpdate().Model((*WorkflowRun)(nil)).Set("unseen_at = ?", since).
		Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("attempt = ?", attempt).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note jobs of run %d: %w", runID, err)
	}
	return nil
}

// Bury notes why nothing is expected of an attempt of a run any more.
func (tx *Tx) Bury(ctx context.Context, repoID, runID int64, attempt int, why string) error {
	_, err := tx.NewUpdate().Model((*WorkflowRun)(nil)).Set("tombstone = ?", why).
		Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("attempt = ?", attempt).Exec(ctx)
	if err != nil {
		return fmt.Errorf("give up run %d: %w", runID, err)
	}
	return nil
}

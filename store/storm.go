package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Canary is the newest observation of whether the runs of a target begin.
type Canary struct {
	bun.BaseModel `bun:"table:canaries"`

	RepoID       int64  `bun:",pk"`
	WorkflowPath string `bun:",pk"`
	Began        bool
	At           Millis
}

// SaveCanary records an observation. news is false when it says nothing new: a
// later one of the target is known, or the last one said the same less than
// step (ms) before.
func (tx *Tx) SaveCanary(ctx context.Context, c Canary, step Millis) (news bool, err error) {
	var last Canary
	err = tx.NewSelect().Model(&last).Where("repo_id = ?", c.RepoID).Where("workflow_path = ?", c.WorkflowPath).Scan(ctx)
	last, known, err := found(last, err, "read canary")
	if err != nil || known && (c.At < last.At || c.Began == last.Began && c.At < last.At+step) {
		return false, err
	}
	_, err = tx.NewInsert().Model(&c).On("CONFLICT (repo_id, workflow_path) DO UPDATE").Set("began = EXCLUDED.began, at = EXCLUDED.at").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("write canary of %s: %w", c.WorkflowPath, err)
	}
	return true, nil
}

// CanaryCount says how many targets were observed, and of them those whose
// newest run did not begin.
type CanaryCount struct {
	Active, Silent int
	Repositories   int // of the silent ones
}

// Canaries counts the targets observed at or after since.
func Canaries(ctx context.Context, db bun.IDB, since Millis) (CanaryCount, error) {
	var n CanaryCount
	err := db.NewSelect().Model((*Canary)(nil)).ColumnExpr("count(*) AS active").ColumnExpr("coalesce(sum(NOT began), 0) AS silent").
		ColumnExpr("count(DISTINCT CASE WHEN NOT began THEN repo_id END) AS repositories").Where("at >= ?", since).Scan(ctx, &n)
	if err != nil {
		return CanaryCount{}, fmt.Errorf("count canaries: %w", err)
	}
	return n, nil
}

// OtherRepositories says whether any repository but one is watched, or was
// observed as long as canaries are kept.
func OtherRepositories(ctx context.Context, db bun.IDB, repoID int64) (bool, error) {
	var others bool
	err := db.NewRaw("SELECT EXISTS (SELECT 1 FROM watches WHERE repo_id <> ?) OR EXISTS (SELECT 1 FROM canaries WHERE repo_id <> ?)", repoID, repoID).Scan(ctx, &others)
	if err != nil {
		return false, fmt.Errorf("look for other repositories: %w", err)
	}
	return others, nil
}

// PruneCanaries removes observations that are older than before.
func (tx *Tx) PruneCanaries(ctx context.Context, before Millis) error {
	if _, err := tx.NewDelete().Model((*Canary)(nil)).Where("at < ?", before).Exec(ctx); err != nil {
		return fmt.Errorf("prune canaries: %w", err)
	}
	return nil
}

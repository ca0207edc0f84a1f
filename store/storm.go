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

// SaveCanary records an observation unless a later one of the target is known,
// and returns what was known before; known is false when nothing was.
func (tx *Tx) SaveCanary(ctx context.Context, c Canary) (before Canary, known bool, err error) {
	err = tx.NewSelect().Model(&before).Where("repo_id = ?", c.RepoID).Where("workflow_path = ?", c.WorkflowPath).Scan(ctx)
	if before, known, err = found(before, err, "read canary"); err != nil {
		return before, known, err
	}
	_, err = tx.NewInsert().Model(&c).On("CONFLICT (repo_id, workflow_path) DO UPDATE").
		Set("began = EXCLUDED.began, at = EXCLUDED.at").Where("EXCLUDED.at >= canary.at").Exec(ctx)
	if err != nil {
		return before, known, fmt.Errorf("write canary of %s: %w", c.WorkflowPath, err)
	}
	return before, known, nil
}

// Canaries counts the targets observed at or after since, and those among them
// whose newest run did not begin.
func Canaries(ctx context.Context, db bun.IDB, since Millis) (active, silent int, err error) {
	var row struct{ Active, Silent int }
	err = db.NewSelect().Model((*Canary)(nil)).ColumnExpr("count(*) AS active").
		ColumnExpr("coalesce(sum(NOT began), 0) AS silent").Where("at >= ?", since).Scan(ctx, &row)
	if err != nil {
		return 0, 0, fmt.Errorf("count canaries: %w", err)
	}
	return row.Active, row.Silent, nil
}

// PruneCanaries removes observations that are older than before.
func (tx *Tx) PruneCanaries(ctx context.Context, before Millis) error {
	if _, err := tx.NewDelete().Model((*Canary)(nil)).Where("at < ?", before).Exec(ctx); err != nil {
		return fmt.Errorf("prune canaries: %w", err)
	}
	return nil
}

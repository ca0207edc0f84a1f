package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Breaker is the persisted state of a workflow's circuit breaker.
type Breaker struct {
	bun.BaseModel `bun:"table:breakers"`

	RepoID       int64  `bun:",pk"`
	WorkflowPath string `bun:",pk"`
	State        string // closed | open | half_open
	Failures     int    // recoveries in a row that ended exhausted
	Until        Millis
	Probe        int64 // incident let through while half open
	UpdatedAt    Millis
}

// ReadBreaker reads a breaker; one that never failed is closed.
func ReadBreaker(ctx context.Context, db bun.IDB, repoID int64, path string) (Breaker, error) {
	b := Breaker{}
	err := db.NewSelect().Model(&b).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Scan(ctx)
	b, ok, err := found(b, err, "read breaker")
	if err == nil && !ok {
		b = Breaker{RepoID: repoID, WorkflowPath: path, State: "closed"}
	}
	return b, err
}

// SaveBreaker writes a breaker.
func (tx *Tx) SaveBreaker(ctx context.Context, b Breaker) error {
	_, err := tx.NewInsert().Model(&b).On("CONFLICT (repo_id, workflow_path) DO UPDATE").
		Set("state = EXCLUDED.state, failures = EXCLUDED.failures, until = EXCLUDED.until").
		Set("probe = EXCLUDED.probe, updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write breaker of %s: %w", b.WorkflowPath, err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Validation is the last result that was posted for a commit.
type Validation struct {
	bun.BaseModel `bun:"table:validations,alias:v"`

	RepoID     int64  `bun:"repo_id,pk"`
	SHA        string `bun:"sha,pk"`
	ExternalID string `bun:"external_id"`
	CheckRunID int64  `bun:"check_run_id"`
	Conclusion string `bun:"conclusion"`
	Errors     int    `bun:"errors"`
	Warnings   int    `bun:"warnings"`
	PostedAt   Millis `bun:"posted_at"`
}

// Validation returns what was posted for a commit; ok is false when nothing was.
func (s *Store) Validation(ctx context.Context, repoID int64, sha string) (v Validation, ok bool, err error) {
	err = s.read.NewSelect().Model(&v).Where("v.repo_id = ?", repoID).Where("v.sha = ?", sha).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Validation{}, false, nil
	}
	if err != nil {
		return Validation{}, false, fmt.Errorf("read validation: %w", err)
	}
	return v, true, nil
}

// SaveValidation stores v in place of an earlier one of the same commit.
func SaveValidation(ctx context.Context, tx *Tx, v Validation) error {
	_, err := tx.NewInsert().Model(&v).On("CONFLICT (repo_id, sha) DO UPDATE").
		Set("external_id = EXCLUDED.external_id").Set("check_run_id = EXCLUDED.check_run_id").
		Set("conclusion = EXCLUDED.conclusion").Set("errors = EXCLUDED.errors").
		Set("warnings = EXCLUDED.warnings").Set("posted_at = EXCLUDED.posted_at").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save validation: %w", err)
	}
	return nil
}

// PruneValidations deletes records from before a moment. A commit that is
// validated again after that gets its Check Run updated rather than skipped.
func PruneValidations(ctx context.Context, tx *Tx, before Millis) (int64, error) {
	r, err := tx.NewDelete().Model((*Validation)(nil)).Where("posted_at < ?", before).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("prune validations: %w", err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("prune validations: %w", err)
	}
	return n, nil
}

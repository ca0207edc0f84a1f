package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// LintResult is what was found out about one blob in one role.
type LintResult struct {
	bun.BaseModel `bun:"table:lint_results,alias:l"`

	Blob    string `bun:"blob,pk"`
	Role    string `bun:"role,pk"`
	Version string `bun:"version"`
	Result  []byte `bun:"result"`
	UsedAt  Millis `bun:"used_at"`
}

// lintChunk keeps a statement below SQLite's 32,766 parameters and short.
const lintChunk = 500

// LintResults returns the results of this version that exist for blobs in one
// role, in no order.
func (s *Store) LintResults(ctx context.Context, version, role string, blobs []string) ([]LintResult, error) {
	var all []LintResult
	for chunk := range slices.Chunk(blobs, lintChunk) {
		var rows []LintResult
		err := s.read.NewSelect().Model(&rows).
			Where("l.role = ?", role).Where("l.version = ?", version).Where("l.blob IN (?)", bun.List(chunk)).
			Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("read lint results: %w", err)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// SaveLintResults stores results, replacing those of other versions.
func SaveLintResults(ctx context.Context, tx *Tx, results []LintResult) error {
	for chunk := range slices.Chunk(results, lintChunk) {
		_, err := tx.NewInsert().Model(&chunk).
			On("CONFLICT (blob, role) DO UPDATE").
			Set("version = EXCLUDED.version").Set("result = EXCLUDED.result").Set("used_at = EXCLUDED.used_at").
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("save lint results: %w", err)
		}
	}
	return nil
}

// TouchLintResults notes that results were used.
func TouchLintResults(ctx context.Context, tx *Tx, role string, blobs []string, now Millis) error {
	for chunk := range slices.Chunk(blobs, lintChunk) {
		_, err := tx.NewUpdate().Model((*LintResult)(nil)).Set("used_at = ?", now).
			Where("role = ?", role).Where("blob IN (?)", bun.List(chunk)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("touch lint results: %w", err)
		}
	}
	return nil
}

// PruneLintResults deletes what was last used before a moment, and then the
// least recently used rows beyond keep. It returns how many rows went.
func PruneLintResults(ctx context.Context, tx *Tx, before Millis, keep int) (int64, error) {
	old, err := tx.NewDelete().Model((*LintResult)(nil)).Where("used_at < ?", before).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("prune lint results: %w", err)
	}
	n, err := old.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("prune lint results: %w", err)
	}
	count, err := tx.NewSelect().Model((*LintResult)(nil)).Count(ctx)
	if err != nil {
		return n, fmt.Errorf("prune lint results: %w", err)
	}
	if count <= int64(keep) {
		return n, nil
	}
	least := tx.NewSelect().Model((*LintResult)(nil)).Column("used_at").Order("used_at").Offset(count - int64(keep) - 1).Limit(1)
	surplus, err := tx.NewDelete().Model((*LintResult)(nil)).Where("used_at <= (?)", least).Exec(ctx)
	if err != nil {
		return n, fmt.Errorf("prune lint results: %w", err)
	}
	more, err := surplus.RowsAffected()
	if err != nil {
		return n, fmt.Errorf("prune lint results: %w", err)
	}
	return n + more, nil
}

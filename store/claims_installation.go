package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// FormerInstallations are the installations other than the present one under
// which incidents of a repository were opened, the newest five.
func FormerInstallations(ctx context.Context, db bun.IDB, repoID, present int64) ([]int64, error) {
	var ids []int64
	err := db.NewSelect().Model((*Incident)(nil)).Column("installation_id").Where("repo_id = ?", repoID).Where("installation_id <> ?", present).
		GroupExpr("installation_id").OrderExpr("max(id) DESC").Limit(5).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("read former installations of repository %d: %w", repoID, err)
	}
	return ids, nil
}

// KeyOnRecord says whether an occurrence has an incident or a claim.
func KeyOnRecord(ctx context.Context, db bun.IDB, key string) (known bool, err error) {
	err = db.NewRaw("SELECT EXISTS (SELECT 1 FROM incidents WHERE occurrence_key = ?) OR EXISTS (SELECT 1 FROM claims WHERE key = ?)", key, key).Scan(ctx, &known)
	if err != nil {
		return false, fmt.Errorf("look for occurrence: %w", err)
	}
	return known, nil
}

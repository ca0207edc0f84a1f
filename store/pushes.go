package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// PushedRuns are the workflows of which a run is known that a push of a commit
// has started since a moment.
func PushedRuns(ctx context.Context, db bun.IDB, repoID int64, sha string, since Millis) (map[string]bool, error) {
	var paths []string
	err := db.NewSelect().Model((*WorkflowRun)(nil)).ColumnExpr("DISTINCT workflow_path").Where("repo_id = ?", repoID).
		Where("event = 'push'").Where("head_sha = ?", sha).Where("created_at >= ?", since).Scan(ctx, &paths)
	if err != nil {
		return nil, fmt.Errorf("read runs of a push: %w", err)
	}
	known := make(map[string]bool, len(paths))
	for _, p := range paths {
		known[p] = true
	}
	return known, nil
}

package store

import (
	"context"

	"github.com/uptrace/bun"
)

const (
	// wasToWork is true of an attempt that was not told to skip its work.
	wasToWork = "NOT EXISTS (SELECT 1 FROM claim_refusals AS told" +
		" WHERE told.repo_id = workflow_run.repo_id AND told.run_id = workflow_run.run_id AND told.attempt = workflow_run.attempt)"
	// proves is true of an attempt whose success says that the work was done: one
	// that was told to skip it succeeds as well.
	proves = endsWell + " AND " + wasToWork
)

// Proves says whether an attempt has succeeded, and its success says that the
// work was done.
func Proves(ctx context.Context, db bun.IDB, r WorkflowRun) (bool, error) {
	if r.Conclusion != "success" {
		return false, nil
	}
	_, told, err := ReadRefusal(ctx, db, r.RepoID, r.RunID, r.Attempt)
	return err == nil && !told, err
}

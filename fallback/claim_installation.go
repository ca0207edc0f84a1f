package fallback

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// onRecord is a key of a repository's work as it stands on record. Keys hold
// the id of the installation, and that changes when the App is installed anew
// or the repository is transferred: what was done before then is done all the
// same. A key that stands nowhere is that of the present installation.
func onRecord(ctx context.Context, db bun.IDB, repo queue.Repo, key func(queue.Repo) string) (string, error) {
	own := key(repo)
	former, err := store.FormerInstallations(ctx, db, repo.ID, repo.InstallationID)
	if err != nil || len(former) == 0 {
		return own, err
	}
	for _, id := range append([]int64{repo.InstallationID}, former...) {
		was := repo
		was.InstallationID = id
		k := key(was)
		if known, err := store.KeyOnRecord(ctx, db, k); err != nil || known {
			return k, err
		}
	}
	return own, nil
}

// occurrenceOnRecord is [occurrence], as it stands on record.
func occurrenceOnRecord(ctx context.Context, db bun.IDB, repo queue.Repo, r store.WorkflowRun) (string, error) {
	return onRecord(ctx, db, repo, func(at queue.Repo) string { return occurrence(at, r) })
}

// pushOnRecord is [pushKey], as it stands on record.
func pushOnRecord(ctx context.Context, db bun.IDB, repo queue.Repo, workflowPath, sha string) (string, error) {
	return onRecord(ctx, db, repo, func(at queue.Repo) string { return pushKey(at, workflowPath, sha) })
}

package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// canary takes note that a run of a target has begun, or that it has not in
// its time: no step of it started, it ended as startup_failure, or it does not
// even exist although its tick or push has passed. at is the moment of the
// observation. One such sign says something about the target; many at once say
// something about GitHub.
func (e *Engine) canary(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath string, started bool, at store.Millis) error {
	_, _, err := tx.SaveCanary(ctx, store.Canary{RepoID: repo.ID, WorkflowPath: workflowPath, Began: started, At: at})
	return err
}

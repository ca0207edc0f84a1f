package clock

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// watchError says that something is wrong with one watch. The others go on.
type watchError struct{ error }

func (e *watchError) Unwrap() error { return e.error }

// ReadWatch decodes what stands in a watch: the facts of the workflow's file,
// and its configuration.
func ReadWatch(w *store.Watch) (facts config.WorkflowFacts, flow config.Workflow, err error) {
	if err = json.Unmarshal([]byte(w.Facts), &facts); err == nil {
		err = json.Unmarshal([]byte(w.Flow), &flow)
	}
	if err != nil {
		err = &watchError{fmt.Errorf("decode watch of %s: %w", w.WorkflowPath, err)}
	}
	return facts, flow, err
}

// watchedRepo addresses the repository of a watch.
func (c *Clock) watchedRepo(ctx context.Context, w *store.Watch) (queue.Repo, error) {
	repo, err := c.Incidents.Address(ctx, queue.Repo{InstallationID: w.InstallationID, ID: w.RepoID})
	if err != nil || repo.Owner != "" {
		return repo, err
	}
	r, known, err := c.Store.RepositoryConfig(ctx, w.RepoID)
	if err == nil && !known {
		err = &watchError{fmt.Errorf("repository %d is not on record", w.RepoID)}
	}
	repo.Owner, repo.Name = r.Owner, r.Name
	return repo, err
}

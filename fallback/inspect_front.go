package fallback

import (
	"context"
	"net/url"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// holding are the statuses of runs that can hold a concurrency group, or come
// before another one that waits for it. GitHub takes one of them a request
// ("List workflow runs for a repository").
var holding = []string{"in_progress", "queued", "waiting", "requested"}

// maxFront is how many pages of runs of one status are looked through; GitHub's
// list of one status ends after 1,000 runs.
const maxFront = 10

// inFront is a run of the repository that another one, which waits for its
// concurrency group, can be waiting for; nil when there is none. GitHub does not
// say which group a run is in, but groups are those of a repository, and one
// that was asked for later comes after it.
func (e *Engine) inFront(ctx context.Context, client *github.Client, repo queue.Repo, run store.WorkflowRun) (*runs.Run, error) {
	for _, status := range holding {
		q := runs.Query{Filter: url.Values{"status": {status}}}
		for q.Number = 1; q.Number <= maxFront; q.Number++ {
			p, err := runs.List(ctx, client, repo, q)
			if err != nil {
				return nil, err
			}
			var front *runs.Run
			for _, r := range p.Runs {
				if r.GetID() != run.RunID && !requested(r).After(run.UpdatedAt.Time()) {
					front = r // the oldest of the page
				}
			}
			if front != nil {
				return front, nil
			}
			if p.Last() {
				break
			}
			if q.Number == maxFront {
				return p.Runs[len(p.Runs)-1], nil // there are more than can be told apart
			}
		}
	}
	return nil, nil
}

// requested is when the newest attempt of a run was asked for.
func requested(r *runs.Run) time.Time {
	if at := r.GetRunStartedAt().Time; at.After(r.Created()) {
		return at
	}
	return r.Created()
}

package fallback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// maxJobPages bounds the jobs that are read of a run: a matrix makes up to 256
// jobs (GitHub, "Usage limits"), and a workflow can have several.
const maxJobPages = 10

// errJobsHidden is an answer that shows fewer jobs than GitHub itself counts.
var errJobsHidden = errors.New("GitHub does not show all jobs")

// jobs lists the jobs of the attempt that an incident is about, at most 1,000.
func jobs(ctx context.Context, sc *scope) ([]*github.WorkflowJob, error) {
	return jobsOf(ctx, sc.client, sc.repo, sc.inc.RunID, sc.inc.RunAttempt)
}

// jobsOf lists the jobs of an attempt. A 404 is an error and no empty list: a
// reader of GitHub's that lags behind answers so about a run that is at work.
func jobsOf(ctx context.Context, client *github.Client, repo queue.Repo, runID int64, attempt int) ([]*github.WorkflowJob, error) {
	return allJobs(runID, func(o github.ListOptions) (*github.Jobs, *github.Response, error) {
		return client.Actions.ListWorkflowJobsAttempt(ctx, repo.Owner, repo.Name, runID, int64(attempt), &o)
	})
}

// jobsAt is jobsOf, with when GitHub answered first, by its own clock; the zero
// time when it did not say.
func jobsAt(ctx context.Context, client *github.Client, repo queue.Repo, runID int64, attempt int) (list []*github.WorkflowJob, at time.Time, err error) {
	list, err = allJobs(runID, func(o github.ListOptions) (*github.Jobs, *github.Response, error) {
		page, resp, err := client.Actions.ListWorkflowJobsAttempt(ctx, repo.Owner, repo.Name, runID, int64(attempt), &o)
		if at.IsZero() && resp != nil && resp.Response != nil {
			at, _ = http.ParseTime(resp.Header.Get("Date"))
		}
		return page, resp, err
	})
	return list, at, err
}

// jobsOfAll lists the jobs of all attempts of a run.
func jobsOfAll(ctx context.Context, client *github.Client, repo queue.Repo, runID int64) ([]*github.WorkflowJob, error) {
	return allJobs(runID, func(o github.ListOptions) (*github.Jobs, *github.Response, error) {
		return client.Actions.ListWorkflowJobs(ctx, repo.Owner, repo.Name, runID, &github.ListWorkflowJobsOptions{Filter: "all", ListOptions: o})
	})
}

func allJobs(runID int64, read func(github.ListOptions) (*github.Jobs, *github.Response, error)) ([]*github.WorkflowJob, error) {
	var all []*github.WorkflowJob
	for n := 1; n <= maxJobPages; n++ {
		page, resp, err := read(github.ListOptions{Page: n, PerPage: 100})
		if err != nil {
			return nil, fmt.Errorf("list jobs of run %d: %w", runID, err)
		}
		all = append(all, page.Jobs...)
		if resp.NextPage != 0 && len(page.Jobs) > 0 {
			continue
		}
		if page.TotalCount == nil || page.GetTotalCount() > len(all) {
			return nil, fmt.Errorf("list jobs of run %d: %w: %d of %d", runID, errJobsHidden, len(all), page.GetTotalCount())
		}
		break
	}
	return all, nil
}

// jobsNotShown says that an error is about jobs that GitHub does not show.
func jobsNotShown(err error) bool { return githubapi.IsNotFound(err) || errors.Is(err, errJobsHidden) }

// hasBegun says that a run has begun, whatever a list of its jobs shows.
func hasBegun(run store.WorkflowRun) bool { return run.BeganAt != 0 || run.Status == "in_progress" }

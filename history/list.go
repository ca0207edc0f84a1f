package history

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/gregjones/httpcache"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// perPage is GitHub's maximum.
const perPage = 100

// listed is a run as GitHub lists it, with what go-github v62 leaves out.
type listed struct {
	github.WorkflowRun
	Path string `json:"path"` // ".github/workflows/x.yml", sometimes with "@ref" behind
}

func (r *listed) path() string {
	p, _, _ := strings.Cut(r.Path, "@")
	return p
}

func (r *listed) completed() bool    { return r.GetStatus() == "completed" }
func (r *listed) created() time.Time { return r.GetCreatedAt().Time }
func (r *listed) updated() time.Time { return r.GetUpdatedAt().Time }

// dispatched is true of runs that a recovery may have started.
func (r *listed) dispatched() bool {
	return r.GetEvent() == "workflow_dispatch" || r.GetEvent() == "repository_dispatch"
}

// onBranch says whether the run is of the repository's own branch. A fork's
// branch can have the same name.
func (r *listed) onBranch(repoID int64, branch string) bool {
	return branch != "" && r.GetHeadBranch() == branch && r.GetHeadRepository().GetID() == repoID && !strings.HasPrefix(r.GetEvent(), "pull_request")
}

// row is the run as an observation of its newest attempt.
func (r *listed) row(repoID int64, now store.Millis) store.WorkflowRun {
	actor := r.GetTriggeringActor().GetLogin()
	if actor == "" {
		actor = r.GetActor().GetLogin()
	}
	row := store.WorkflowRun{
		RepoID: repoID, RunID: r.GetID(), Attempt: max(r.GetRunAttempt(), 1), WorkflowPath: r.path(), Event: r.GetEvent(),
		HeadBranch: r.GetHeadBranch(), HeadSHA: r.GetHeadSHA(), Actor: actor, URL: r.GetHTMLURL(), Status: r.GetStatus(), Conclusion: r.GetConclusion(),
		CreatedAt: store.MillisOf(r.created()), UpdatedAt: store.MillisOf(r.updated()), ObservedAt: now, StartedAt: store.MillisOf(r.GetRunStartedAt().Time),
	}
	if row.Status == "in_progress" {
		row.BeganAt = row.UpdatedAt // no later than what is seen of it first
	}
	return row
}

// page is an answer to a list.
type page struct {
	runs      []*listed // newest first
	etag      string
	unchanged bool        // nothing has changed since the page with the ETag that was sent
	free      bool        // the answer did not count against the limit
	rate      github.Rate // Limit 0 when GitHub did not say
}

// last says that no older runs follow.
func (p page) last() bool { return len(p.runs) < perPage }

// oldest is when the oldest run of the page was created; the zero time for an
// empty one.
func (p page) oldest() time.Time {
	if len(p.runs) == 0 {
		return time.Time{}
	}
	return p.runs[len(p.runs)-1].created()
}

// elsewhereError says that a repository's name belongs to another one now.
type elsewhereError struct {
	repo queue.Repo
	id   int64
}

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("%s is now repository %d, not %d", e.repo.FullName(), e.id, e.repo.ID)
}

// list reads a page of a repository's runs, of one workflow unless
// workflowPath is "". With an ETag it costs nothing while nothing has changed.
//
// The ETag is sent here and not left to the client's cache, which forgets:
// at 600 KB a page it would hold those of a handful of repositories.
func list(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string, filter url.Values, number int, etag string) (page, error) {
	where := fmt.Sprintf("repos/%s/%s/actions/runs", url.PathEscape(repo.Owner), url.PathEscape(repo.Name))
	if workflowPath != "" {
		where = fmt.Sprintf("repos/%s/%s/actions/workflows/%s/runs", url.PathEscape(repo.Owner), url.PathEscape(repo.Name), url.PathEscape(path.Base(workflowPath)))
	}
	q := url.Values{"per_page": {strconv.Itoa(perPage)}}
	for k, v := range filter {
		q[k] = v
	}
	if number > 1 {
		q.Set("page", strconv.Itoa(number))
	}
	req, err := client.NewRequest(http.MethodGet, where+"?"+q.Encode(), nil)
	if err != nil {
		return page{}, err
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	var answer struct {
		Runs []*listed `json:"workflow_runs"`
	}
	resp, err := client.Do(ctx, req, &answer)
	p := page{runs: answer.Runs}
	if resp != nil {
		p.rate, p.etag, p.free = resp.Rate, resp.Header.Get("ETag"), resp.Header.Get(httpcache.XFromCache) != ""
		if etag != "" && resp.StatusCode == http.StatusNotModified {
			p.unchanged, p.free = true, true
			return p, nil
		}
	}
	if err != nil {
		return p, fmt.Errorf("list runs of %s: %w", repo.FullName(), err)
	}
	for _, r := range p.runs {
		if at := r.GetRepository().GetID(); at != repo.ID {
			return p, fmt.Errorf("list runs of %s: %w", repo.FullName(), &elsewhereError{repo: repo, id: at})
		}
	}
	return p, nil
}

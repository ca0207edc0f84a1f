package runs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/gregjones/httpcache"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

// PerPage is how many runs a page has, GitHub's maximum.
const PerPage = 100

// maxPages is how many pages [ListSince] looks through: GitHub queues at most
// 500 runs in 10 s per repository.
const maxPages = 10

// Get reads a run in its newest attempt.
func Get(ctx context.Context, client *github.Client, repo queue.Repo, id int64) (*Run, error) {
	r := new(Run)
	_, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name, "actions", "runs", strconv.FormatInt(id, 10)), r)
	if err == nil && r.GetID() != id {
		err = fmt.Errorf("GitHub answered with run %d", r.GetID())
	}
	if err == nil {
		err = r.of(repo)
	}
	if err != nil {
		return nil, fmt.Errorf("read run %d of %s: %w", id, repo.FullName(), err)
	}
	return r, nil
}

// First reads the first attempt of a run.
func First(ctx context.Context, client *github.Client, repo queue.Repo, id int64) (*Run, *github.Response, error) {
	r := new(Run)
	resp, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name, "actions", "runs", strconv.FormatInt(id, 10), "attempts", "1"), r)
	if err == nil && (r.GetID() != id || r.GetRunAttempt() != 1) {
		err = fmt.Errorf("GitHub answered with attempt %d of run %d", r.GetRunAttempt(), r.GetID())
	}
	if err == nil {
		err = r.of(repo)
	}
	if err != nil {
		return nil, resp, fmt.Errorf("read first attempt of run %d of %s: %w", id, repo.FullName(), err)
	}
	return r, resp, nil
}

// Query says which runs are listed.
type Query struct {
	// Workflow is the path or the name of a workflow's file; "" for all workflows.
	Workflow string
	// Filter narrows the list, in GitHub's words ("List workflow runs").
	Filter url.Values
	// Number of the page, from 1; 0 is the first one, too.
	Number int
	// ETag of an earlier answer to the same query; "" without one. With it the
	// answer costs nothing while nothing has changed.
	//
	// It is sent here and not left to the client's cache, which forgets: at
	// 600 KB a page it would hold those of a handful of repositories.
	ETag string
}

func (q Query) path(repo queue.Repo) string {
	where := githubapi.RepoPath(repo.Owner, repo.Name, "actions", "runs")
	if q.Workflow != "" {
		where = githubapi.RepoPath(repo.Owner, repo.Name, "actions", "workflows", path.Base(q.Workflow), "runs")
	}
	values := url.Values{"per_page": {strconv.Itoa(PerPage)}}
	for k, v := range q.Filter {
		values[k] = v
	}
	if q.Number > 1 {
		values.Set("page", strconv.Itoa(q.Number))
	}
	return where + "?" + values.Encode()
}

// Page is an answer to a [Query].
type Page struct {
	Runs      []*Run // newest first
	ETag      string
	Unchanged bool        // nothing has changed since the answer with the ETag that was sent
	Free      bool        // the answer did not count against the limit
	Rate      github.Rate // Limit 0 when GitHub did not say
	At        time.Time   // when GitHub answered, by its own clock; zero when it did not say
}

// Last says that no older runs follow.
func (p Page) Last() bool { return len(p.Runs) < PerPage }

// Oldest is when the oldest run of the page was created; the zero time for an
// empty one.
func (p Page) Oldest() time.Time {
	if len(p.Runs) == 0 {
		return time.Time{}
	}
	return p.Runs[len(p.Runs)-1].Created()
}

// List reads a page of a repository's runs. With an error, too, the page tells
// what the request has cost.
func List(ctx context.Context, client *github.Client, repo queue.Repo, q Query) (p Page, err error) {
	req, err := client.NewRequest(http.MethodGet, q.path(repo), nil)
	if err != nil {
		return p, err
	}
	if q.ETag != "" {
		req.Header.Set("If-None-Match", q.ETag)
	}
	var answer struct {
		Total *int   `json:"total_count"`
		Runs  []*Run `json:"workflow_runs"`
	}
	resp, err := client.Do(ctx, req, &answer)
	if resp != nil && resp.Response != nil {
		p.Rate, p.ETag, p.Free = resp.Rate, resp.Header.Get("ETag"), resp.Header.Get(httpcache.XFromCache) != ""
		p.At, _ = http.ParseTime(resp.Header.Get("Date")) // without one our own clock has to do
		if q.ETag != "" && resp.StatusCode == http.StatusNotModified {
			p.Unchanged, p.Free = true, true
			return p, nil
		}
	}
	switch {
	case err != nil:
	// From an empty list the absence of a run is concluded: it has to be one.
	case answer.Total == nil || answer.Runs == nil:
		err = errors.New("the answer holds no list")
	case *answer.Total > 0 && len(answer.Runs) == 0 && q.Number <= 1:
		err = fmt.Errorf("the answer counts %d runs and holds none", *answer.Total)
	default:
		p.Runs, err = answer.Runs, allOf(repo, answer.Runs)
	}
	if err != nil {
		return p, fmt.Errorf("list runs of %s: %w", repo.FullName(), err)
	}
	return p, nil
}

// allOf says whether all runs of an answer are there and of the repository.
func allOf(repo queue.Repo, list []*Run) error {
	for _, r := range list {
		if r == nil {
			return errors.New("an entry of GitHub's answer is no run")
		}
		if err := r.of(repo); err != nil {
			return err
		}
	}
	return nil
}

// ListSince lists runs that are not older than since and as many older ones as
// come on the same pages, newest first, of one event or, with "", of all. at is
// when GitHub answered first, by its own clock; the zero time when it did not say.
//
// The moment is not sent as the filter "created": GitHub's own description
// calls that a date-time, while its prose allows ">=…", and a strict server
// refuses it.
func ListSince(ctx context.Context, client *github.Client, repo queue.Repo, workflow, event string, since time.Time) (all []*Run, at time.Time, err error) {
	q := Query{Workflow: workflow}
	if event != "" {
		q.Filter = url.Values{"event": {event}}
	}
	for q.Number = 1; q.Number <= maxPages; q.Number++ {
		p, err := List(ctx, client, repo, q)
		if err != nil {
			return nil, at, err
		}
		if q.Number == 1 {
			at = p.At
		}
		all = append(all, p.Runs...)
		if p.Last() || p.Oldest().Before(since) {
			break
		}
	}
	return all, at, nil
}

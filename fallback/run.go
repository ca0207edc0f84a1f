package fallback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// run is a workflow run as GitHub answers, with what go-github v62 leaves out.
type run struct {
	github.WorkflowRun
	Path string `json:"path"` // ".github/workflows/x.yml", sometimes with "@ref" behind
}

func (r *run) path() string {
	p, _, _ := strings.Cut(r.Path, "@")
	return p
}

// starter is who started this attempt.
func (r *run) starter() string {
	if login := r.GetTriggeringActor().GetLogin(); login != "" {
		return login
	}
	return r.GetActor().GetLogin()
}

func (r *run) row(repoID int64, now store.Millis) store.WorkflowRun {
	return store.WorkflowRun{
		RepoID: repoID, RunID: r.GetID(), Attempt: max(r.GetRunAttempt(), 1), WorkflowPath: r.path(), Event: r.GetEvent(),
		HeadBranch: r.GetHeadBranch(), HeadSHA: r.GetHeadSHA(), Actor: r.starter(), URL: r.GetHTMLURL(),
		Status: r.GetStatus(), Conclusion: r.GetConclusion(), CreatedAt: store.MillisOf(r.GetCreatedAt().Time),
		UpdatedAt: store.MillisOf(r.GetUpdatedAt().Time), ObservedAt: now, StartedAt: store.MillisOf(r.GetRunStartedAt().Time),
		BeganAt: began(r.GetStatus(), store.MillisOf(r.GetUpdatedAt().Time)),
	}
}

// began is when a run began, as far as an observation tells: the moment of its
// last change while it is in progress, which for the first such sight is the start.
func began(status string, updated store.Millis) store.Millis {
	if status == "in_progress" {
		return updated
	}
	return 0
}

// getRun reads a run in its newest attempt.
func getRun(ctx context.Context, client *github.Client, repo queue.Repo, id int64) (*run, error) {
	r := new(run)
	if err := get(ctx, client, fmt.Sprintf("repos/%s/%s/actions/runs/%d", repo.Owner, repo.Name, id), r); err != nil {
		return nil, fmt.Errorf("read run %d of %s: %w", id, repo.FullName(), err)
	}
	if r.GetID() != id {
		return nil, fmt.Errorf("read run %d of %s: GitHub answered with run %d", id, repo.FullName(), r.GetID())
	}
	if at := r.GetRepository().GetID(); at != repo.ID {
		return nil, fmt.Errorf("read run %d of %s: %w", id, repo.FullName(), &elsewhereError{repo: repo, id: at})
	}
	return r, nil
}

// A page of runs, GitHub's maximum, and how many pages are looked through for
// one that we started: GitHub queues at most 500 runs in 10 s per repository.
const (
	maxListed = 100
	maxPages  = 10
)

// listRunsSince lists runs that are not older than since, newest first, of one
// event or, with "", of all. asked is when GitHub answered, by its own clock;
// the zero time when it did not say. The
// moment is not sent as the filter "created": GitHub's own description calls
// that a date-time, while its prose allows ">=…", and a strict server refuses it.
func listRunsSince(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath, event string, since time.Time) (all []*run, asked time.Time, err error) {
	for page := 1; page <= maxPages; page++ {
		filter := url.Values{}
		if event != "" {
			filter.Set("event", event)
		}
		if page > 1 {
			filter.Set("page", strconv.Itoa(page))
		}
		list, at, err := listRunsAt(ctx, client, repo, workflowPath, filter)
		if err != nil {
			return nil, asked, err
		}
		if page == 1 {
			asked = at
		}
		all = append(all, list...)
		if len(list) < maxListed || list[len(list)-1].GetCreatedAt().Before(since) {
			break
		}
	}
	return all, asked, nil
}

// listRuns lists a page of runs, newest first; workflowPath may be "" for all
// workflows.
func listRuns(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string, filter url.Values) ([]*run, error) {
	list, _, err := listRunsAt(ctx, client, repo, workflowPath, filter)
	return list, err
}

func listRunsAt(ctx context.Context, client *github.Client, repo queue.Repo, workflowPath string, filter url.Values) ([]*run, time.Time, error) {
	where := fmt.Sprintf("repos/%s/%s/actions/runs", repo.Owner, repo.Name)
	if workflowPath != "" {
		where = fmt.Sprintf("repos/%s/%s/actions/workflows/%s/runs", repo.Owner, repo.Name, url.PathEscape(path.Base(workflowPath)))
	}
	filter.Set("per_page", fmt.Sprint(maxListed))
	var list struct {
		Runs []*run `json:"workflow_runs"`
	}
	at, err := getAt(ctx, client, where+"?"+filter.Encode(), &list)
	if err != nil {
		return nil, at, fmt.Errorf("list runs of %s: %w", repo.FullName(), err)
	}
	for _, r := range list.Runs {
		if id := r.GetRepository().GetID(); id != repo.ID {
			return nil, at, fmt.Errorf("list runs of %s: %w", repo.FullName(), &elsewhereError{repo: repo, id: id})
		}
	}
	return list.Runs, at, nil
}

func get(ctx context.Context, client *github.Client, where string, into any) error {
	_, err := getAt(ctx, client, where, into)
	return err
}

// getAt is get with the moment of the answer by GitHub's clock; the zero time
// when it does not say.
func getAt(ctx context.Context, client *github.Client, where string, into any) (at time.Time, err error) {
	req, err := client.NewRequest("GET", where, nil)
	if err != nil {
		return at, err
	}
	resp, err := client.Do(ctx, req, into)
	if resp != nil && resp.Response != nil {
		at, _ = http.ParseTime(resp.Header.Get("Date")) // without one our own clock has to do
	}
	return at, err
}

// save records what GitHub said of a run and returns what is known of its
// newest attempt, which can be more: answers can be older than a webhook's.
func (e *Engine) save(ctx context.Context, tx *store.Tx, repoID int64, r *run) (store.WorkflowRun, error) {
	if _, err := tx.SaveRun(ctx, r.row(repoID, e.now())); err != nil {
		return store.WorkflowRun{}, err
	}
	known, ok, err := store.LatestAttempt(ctx, tx, repoID, r.GetID())
	if err == nil && !ok {
		err = errors.New("a run that was just saved is gone")
	}
	return known, err
}

// reread reads a run from GitHub, records it, and returns the newest known attempt.
func (e *Engine) reread(ctx context.Context, client *github.Client, repo queue.Repo, id int64) (known store.WorkflowRun, err error) {
	r, err := getRun(ctx, client, repo, id)
	if err != nil {
		return store.WorkflowRun{}, err
	}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err = e.save(ctx, tx, repo.ID, r)
		return err
	})
	return known, err
}

// failed says whether a conclusion is a failure. cancelled, skipped, neutral,
// action_required and stale are somebody's decision.
func failed(conclusion string) bool {
	switch conclusion {
	case "failure", "timed_out", "startup_failure":
		return true
	}
	return false
}

// poll is the pause before the next look at something that began at since: it
// grows with the age of the wait.
func (e *Engine) poll(since store.Millis) time.Time {
	now := e.Clock.Now()
	wait := now.Sub(since.Time()) / 2
	return now.Add(min(max(wait, e.scaled(pollMin)), e.scaled(pollMax)))
}

// workflowName is how people name a workflow: "marketing-sync".
func workflowName(workflowPath string) string {
	base := path.Base(workflowPath)
	return strings.TrimSuffix(base, path.Ext(base))
}

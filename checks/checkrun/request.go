package checkrun

import (
	"context"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

// call is one Publish on its way.
type call struct {
	client      *github.Client
	repo        queue.Repo
	body        body
	annotations []*github.CheckRunAnnotation
}

// body is a create or update request. go-github's own types leave out
// started_at on update, and drop an empty list of actions, which is the only
// way to take buttons away.
type body struct {
	Name        string                   `json:"name"`
	HeadSHA     string                   `json:"head_sha,omitempty"` // create only
	ExternalID  string                   `json:"external_id,omitempty"`
	DetailsURL  string                   `json:"details_url,omitempty"`
	Status      Status                   `json:"status"`
	Conclusion  Conclusion               `json:"conclusion,omitempty"`
	StartedAt   *time.Time               `json:"started_at,omitempty"`
	CompletedAt *time.Time               `json:"completed_at,omitempty"`
	Output      *github.CheckRunOutput   `json:"output"`
	Actions     []*github.CheckRunAction `json:"actions"`
}

func newBody(run Run) body {
	summary := Cut(run.Summary, MaxText)
	if more := len(run.Annotations) - MaxAnnotations; more > 0 {
		note := fmt.Sprintf("\n\n%d more are not annotated: GitHub shows at most %d here.", more, MaxAnnotations)
		summary = Cut(run.Summary, MaxText-utf8.RuneCountInString(note)) + note
	}
	b := body{
		Name:       run.Name,
		HeadSHA:    run.HeadSHA,
		ExternalID: run.ExternalID,
		DetailsURL: run.DetailsURL,
		Status:     run.Status,
		Conclusion: run.Conclusion,
		StartedAt:  moment(run.StartedAt),
		Output: &github.CheckRunOutput{
			Title:   github.String(cutLine(oneLine(run.Title), MaxTitle)),
			Summary: &summary,
		},
		Actions: []*github.CheckRunAction{},
	}
	if run.Status == Completed {
		b.CompletedAt = moment(run.CompletedAt)
	}
	if run.Text != "" {
		b.Output.Text = github.String(Cut(run.Text, MaxText))
	}
	for _, a := range run.Actions {
		b.Actions = append(b.Actions, &github.CheckRunAction{Label: a.Label, Description: a.Description, Identifier: a.Identifier})
	}
	return b
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// with is the body with a batch of annotations.
func (b body) with(batch []*github.CheckRunAnnotation) body {
	out := *b.Output
	out.Annotations = batch
	b.Output = &out
	return b
}

// create posts the run with its first annotations.
func (c call) create(ctx context.Context) (int64, error) {
	first := c.annotations[:min(len(c.annotations), MaxBatch)]
	return c.send(ctx, "POST", githubapi.RepoPath(c.repo.Owner, c.repo.Name, "check-runs"), c.body.with(first))
}

// update appends the annotations from done on, in batches. With always it
// sends at least one request, to bring the rest of the run up to date.
func (c call) update(ctx context.Context, id int64, done int, always bool) error {
	url := githubapi.RepoPath(c.repo.Owner, c.repo.Name, "check-runs", strconv.FormatInt(id, 10))
	b := c.body
	b.HeadSHA = ""
	for ; always || done < len(c.annotations); done += MaxBatch {
		always = false
		var batch []*github.CheckRunAnnotation
		if done < len(c.annotations) {
			batch = c.annotations[done:min(len(c.annotations), done+MaxBatch)]
		}
		if _, err := c.send(ctx, "PATCH", url, b.with(batch)); err != nil {
			return err
		}
	}
	return nil
}

func (c call) send(ctx context.Context, method, url string, b body) (int64, error) {
	req, err := c.client.NewRequest(method, url, b)
	if err != nil {
		return 0, err
	}
	var answer github.CheckRun
	if _, err := c.client.Do(ctx, req, &answer); err != nil {
		return 0, err
	}
	if answer.GetID() == 0 {
		return 0, fmt.Errorf("%s %s: answer without an id", method, url)
	}
	return answer.GetID(), nil
}

// posted lists the annotations that GitHub has.
func (c call) posted(ctx context.Context, id int64) ([]*github.CheckRunAnnotation, error) {
	var all []*github.CheckRunAnnotation
	opts := &github.ListOptions{PerPage: 100}
	for {
		page, resp, err := c.client.Checks.ListCheckRunAnnotations(ctx, c.repo.Owner, c.repo.Name, id, opts)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if resp.NextPage == 0 {
			return all, nil
		}
		opts.Page = resp.NextPage
	}
}

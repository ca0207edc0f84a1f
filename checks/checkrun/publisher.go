package checkrun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
)

// Publisher posts Check Runs. It holds no state and is safe for concurrent
// use; but two calls for one run at the same time would both create it, so
// callers serialise by what the run is about.
type Publisher struct {
	// AppID limits adoption to runs of this App, so that another one cannot
	// lay a run with our name and key in our way. 0 asks for runs of any App.
	AppID int64
}

// Publish makes the Check Run say what run says and returns its id.
//
// With id > 0 it updates that run. With id 0 it adopts the newest one that
// this App made under this name, head and external id (an earlier answer may
// have been lost), else it creates one. Either way a run that cannot be
// brought to that state is left and a new one created, so the returned id can
// differ from id: when it is gone, belongs to another App (403 "Invalid
// app_id"), or carries annotations that are not ours to continue from, since
// GitHub only ever appends them.
//
// A call that was interrupted between its batches of annotations is repeated
// safely: it goes on after those that GitHub lists.
//
// A refusal that no repetition mends (422) is a [queue.PermanentError] with
// GitHub's message; other errors are those of the client.
func (p *Publisher) Publish(ctx context.Context, client *github.Client, repo queue.Repo, id int64, run Run) (int64, error) {
	if err := run.check(); err != nil {
		return 0, queue.Permanent(fmt.Errorf("publish check run: %w", err))
	}
	c := call{client: client, repo: repo, body: newBody(run), annotations: annotate(run.Annotations)}
	existing, done, err := p.existing(ctx, c, id, run)
	if err != nil {
		return 0, fmt.Errorf("publish check run %q: %w", run.Name, refusal(err))
	}
	if existing != 0 {
		err := c.update(ctx, existing, done, true)
		if err == nil {
			return existing, nil
		}
		if !lost(err) {
			return 0, fmt.Errorf("update check run %d: %w", existing, refusal(err))
		}
		zerolog.Ctx(ctx).Info().Err(err).Int64("check_run", existing).Str("repo", repo.FullName()).
			Msg("check run is not ours any more; creating a new one")
	}
	created, err := c.create(ctx)
	if err != nil {
		return 0, fmt.Errorf("create check run %q: %w", run.Name, refusal(err))
	}
	if err := c.update(ctx, created, MaxBatch, false); err != nil {
		return created, fmt.Errorf("annotate check run %d: %w", created, refusal(err))
	}
	return created, nil
}

// existing finds the run to update and how many annotations it has. 0: create one.
func (p *Publisher) existing(ctx context.Context, c call, id int64, run Run) (found int64, done int, err error) {
	var known *github.CheckRun
	switch {
	case id == 0 && run.ExternalID == "":
		return 0, 0, nil
	case id == 0:
		known, err = p.adopt(ctx, c, run)
	case len(c.annotations) == 0:
		return id, 0, nil // nothing to append to, so nothing to look at
	default:
		known, _, err = c.client.Checks.GetCheckRun(ctx, c.repo.Owner, c.repo.Name, id)
		if lost(err) {
			return 0, 0, nil
		}
	}
	if err != nil || known == nil {
		return 0, 0, err
	}
	if known.GetOutput().GetAnnotationsCount() == 0 || len(c.annotations) == 0 {
		return known.GetID(), 0, nil
	}
	has, err := c.posted(ctx, known.GetID())
	if err != nil {
		return 0, 0, err
	}
	done, ok := resume(has, c.annotations)
	if !ok {
		return 0, 0, nil
	}
	return known.GetID(), done, nil
}

// adopt looks for the newest run under the name and external id. The list has
// the whole run, so no second request is needed.
func (p *Publisher) adopt(ctx context.Context, c call, run Run) (*github.CheckRun, error) {
	opts := &github.ListCheckRunsOptions{
		CheckName:   &run.Name,
		Filter:      github.String("all"),
		ListOptions: github.ListOptions{PerPage: 100},
	}
	if p.AppID != 0 {
		opts.AppID = &p.AppID
	}
	var newest *github.CheckRun
	for {
		list, resp, err := c.client.Checks.ListCheckRunsForRef(ctx, c.repo.Owner, c.repo.Name, run.HeadSHA, opts)
		if err != nil {
			return nil, err
		}
		for _, r := range list.CheckRuns {
			if r.GetExternalID() == run.ExternalID && r.GetID() > newest.GetID() {
				newest = r
			}
		}
		if resp.NextPage == 0 {
			return newest, nil
		}
		opts.Page = resp.NextPage
	}
}

// lost is true when the run cannot be changed by us any more.
func lost(err error) bool {
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response == nil {
		return false
	}
	switch e.Response.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return true
	case http.StatusForbidden:
		return strings.Contains(e.Message, "Invalid app_id")
	}
	return false
}

// refusal marks GitHub's validation errors as permanent.
func refusal(err error) error {
	var e *github.ErrorResponse
	if errors.As(err, &e) && e.Response != nil && e.Response.StatusCode == http.StatusUnprocessableEntity {
		return queue.Permanent(err)
	}
	return err
}

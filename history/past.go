package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// window and pastPages bound what is read of a workflow's past: 28 days, or
	// as far as its newest [store.SparseRuns] runs go back, and 300 runs.
	// Thresholds are learned from no more than that.
	window    = 28 * 24 * time.Hour
	pastPages = 3
	// pastBatch is the number of runs of one transaction: nobody else can write
	// meanwhile.
	pastBatch = 50
	// pastRetry is the pause after the first refusal; each is four times the one
	// before, up to a day. After maxRefusals, in nine days, the past is given up.
	pastRetry, maxPastRetry = time.Minute, 24 * time.Hour
	maxRefusals             = 14
	// scheduled is the event of runs that a schedule has started.
	scheduled = "schedule"
)

// Read is the worker of queue.ReadHistory. It reads the past of one workflow
// and leaves a job for the next one.
//
// It may end half-way: what it has read stays, and it begins anew.
func (h *History) Read(ctx context.Context, job queue.Job) error {
	var args queue.ReadHistory
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("decode arguments of %s: %w", job.Kind, err))
	}
	w, ok, err := h.Store.NextHistory(ctx, args.InstallationID, h.now())
	if err != nil || !ok {
		return err // the next watch enqueues a job
	}
	if w.PastAt > h.now() {
		return h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			item := args.Item()
			item.Options.RunAt = w.PastAt.Time()
			return h.Queue.Enqueue(ctx, tx, item)
		})
	}
	r, ok, err := h.Store.Repository(ctx, w.RepoID)
	if err != nil || !ok {
		return err
	}
	repo := queue.Repo{InstallationID: args.InstallationID, ID: r.ID, Owner: r.Owner, Name: r.Name}
	log := zerolog.Ctx(ctx).With().Int64("installation_id", args.InstallationID).Str("repo", repo.FullName()).Str("workflow", w.WorkflowPath).Logger()
	ctx = log.WithContext(ctx)
	client, err := h.Clients.Installation(args.InstallationID)
	if err != nil {
		return err
	}
	p := &past{History: h, client: client, repo: repo, branch: r.DefaultBranch, watch: w}
	if p.facts, err = factsOf(w); err != nil {
		return queue.Permanent(err)
	}
	var list []*runs.Run
	if p.branch, err = h.branchOf(ctx, client, repo, p.branch); err == nil {
		list, err = p.read(ctx)
	}
	var same time.Time
	if err == nil {
		same, err = p.sameSchedule(ctx, list)
	}
	var scarce *scarceError
	switch {
	case errors.As(err, &scarce):
		log.Info().Time("again", scarce.until).Msg("the past is read when the hourly limit has recovered")
		return queue.Snooze(scarce.until, err)
	case githubapi.IsDormant(err):
		return queue.Snooze(h.Clock.Now().Add(dormant), err)
	case refused(err) && w.PastRefused < maxRefusals:
		return p.putOff(ctx, args, err)
	case refused(err):
		log.Warn().Err(err).Msg("the past of a workflow is not read; its thresholds are the defaults until it has one")
	case err != nil:
		return err
	}
	all, err := p.withFirsts(ctx, list)
	if err != nil {
		return err
	}
	if err := p.save(ctx, all, same); err != nil {
		return err
	}
	began, err := p.beginnings(ctx, list)
	if err != nil {
		return err
	}
	return h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.learned(ctx, tx, began); err != nil {
			return err
		}
		return h.Queue.Enqueue(ctx, tx, args.Item())
	})
}

// refused is an answer that the queue's next attempts would get as well.
func refused(err error) bool {
	var elsewhere *runs.ElsewhereError
	_, limited := githubapi.LimitedUntil(err)
	return err != nil && !limited && (errors.As(err, &elsewhere) || githubapi.Outcome(err) == githubapi.Refused)
}

// scarceError ends the reading while the recoveries may need what is left.
type scarceError struct{ until time.Time }

func (e *scarceError) Error() string {
	return "the hourly limit of the installation is short until " + e.until.UTC().Format(time.RFC3339)
}

// past is the reading of one workflow.
type past struct {
	*History
	client *github.Client
	repo   queue.Repo
	branch string
	watch  store.Watch
	facts  config.WorkflowFacts
}

func factsOf(w store.Watch) (f config.WorkflowFacts, err error) {
	if err = json.Unmarshal([]byte(w.Facts), &f); err != nil {
		err = fmt.Errorf("decode facts of %s: %w", w.WorkflowPath, err)
	}
	return f, err
}

// read lists past runs, those of the schedule first: two pages of them, and the
// rest of the bound for any run of the branch.
func (p *past) read(ctx context.Context) ([]*runs.Run, error) {
	var all []*runs.Run
	left := pastPages
	if len(p.facts.Crons) > 0 {
		list, pages, err := p.pages(ctx, url.Values{"event": {scheduled}, "branch": {p.branch}}, left-1)
		if err != nil {
			return nil, err
		}
		all, left = list, left-pages
	}
	list, _, err := p.pages(ctx, url.Values{"branch": {p.branch}}, left)
	if err != nil {
		return nil, err
	}
	all = append(all, list...)
	slices.SortFunc(all, runs.OldestFirst)
	return slices.CompactFunc(all, func(a, b *runs.Run) bool { return a.GetID() == b.GetID() }), nil
}

// pages reads at most so many pages, newest first, as far back as the window
// goes, or further where it holds too little of a sparse schedule. Only runs
// that had ended before the watch began are of the past.
func (p *past) pages(ctx context.Context, filter url.Values, most int) (list []*runs.Run, read int, err error) {
	horizon, farthest := p.Clock.Now().Add(-window), p.Clock.Now().Add(-store.KeepSparse)
	enough := func(oldest time.Time) bool {
		return oldest.Before(farthest) || oldest.Before(horizon) && len(list) >= store.SparseRuns
	}
	for read < most {
		if until, ok := scarce(p.rate(p.repo.InstallationID), spareRead, p.Clock.Now()); ok {
			return nil, read, &scarceError{until}
		}
		read++
		page, err := runs.List(ctx, p.client, p.repo, runs.Query{Workflow: p.watch.WorkflowPath, Filter: filter, Number: read})
		if p.noteRate(p.repo.InstallationID, page.Rate); err != nil {
			return nil, read, err
		}
		for _, r := range page.Runs {
			if r.Completed() && r.Updated().Before(p.watch.WatchedSince.Time()) && !enough(r.Created()) &&
				r.OnBranch(p.repo.ID, p.branch) && r.WorkflowPath() == p.watch.WorkflowPath {
				list = append(list, r)
			}
		}
		if page.Last() || enough(page.Oldest()) {
			break
		}
	}
	return list, read, nil
}

// save records past runs, oldest first, so that each answers the tick it
// answered then, if the schedule was the same. Ticks before the watch are
// nobody's: nothing else follows.
func (p *past) save(ctx context.Context, list []*runs.Run, same time.Time) error {
	for batch := range slices.Chunk(list, pastBatch) {
		err := p.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, r := range batch {
				row := r.Row(p.repo.ID, p.now())
				if r.GetEvent() != scheduled || r.Created().Before(same) {
					if _, err := tx.SaveRun(ctx, row); err != nil {
						return err
					}
					continue
				}
				if err := p.Engine.Seen(ctx, tx, p.repo, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.metrics.past.Add(float64(len(batch)))
	}
	return nil
}

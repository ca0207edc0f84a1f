package history

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// sampled is of how many past runs of a workflow the jobs are read, a
	// request each: no list of runs says when one got its runner.
	sampled = 10
	// sampledAtOnce of them are asked for at the same time.
	sampledAtOnce = 5
	// spareSample is the part of the limit below which none are: queue times
	// come with every new run as well, the runs of the past do not.
	spareSample = 0.50
)

// beginnings are when the first job of some past runs got its runner, the
// newest runs first. Fewer are known where GitHub shows less, or the limit is short.
func (p *past) beginnings(ctx context.Context, list []*runs.Run) (map[*runs.Run]time.Time, error) {
	var sample []*runs.Run
	for i := len(list) - 1; i >= 0 && len(sample) < sampled; i-- {
		if c := list[i].GetConclusion(); c == "success" || c == "failure" || c == "timed_out" {
			sample = append(sample, list[i])
		}
	}
	began := make(map[*runs.Run]time.Time, len(sample))
	for len(sample) > 0 {
		if _, ok := scarce(p.rate(p.repo.InstallationID), spareSample, p.Clock.Now()); ok {
			return began, nil
		}
		part := sample[:min(sampledAtOnce, len(sample))]
		sample = sample[len(part):]
		at, errs := make([]time.Time, len(part)), make([]error, len(part))
		var wg sync.WaitGroup
		for i, r := range part {
			wg.Go(func() { at[i], errs[i] = p.began(ctx, r) })
		}
		wg.Wait()
		for i, r := range part {
			if !at[i].IsZero() {
				began[r] = at[i]
			}
		}
		if err := errors.Join(errs...); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			zerolog.Ctx(ctx).Info().Err(err).Msg("queue times of past runs cannot be read; they are learned from the runs that come")
			return began, nil
		}
	}
	return began, nil
}

// began is when the first job of a run's newest attempt got its runner; the
// zero time when GitHub does not say.
func (p *past) began(ctx context.Context, r *runs.Run) (first time.Time, err error) {
	list, resp, err := p.client.Actions.ListWorkflowJobsAttempt(ctx, p.repo.Owner, p.repo.Name, r.GetID(), int64(max(r.GetRunAttempt(), 1)), &github.ListOptions{PerPage: runs.PerPage})
	if resp != nil {
		p.noteRate(p.repo.InstallationID, resp.Rate)
	}
	if githubapi.IsNotFound(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("list jobs of run %d: %w", r.GetID(), err)
	}
	for _, j := range list.Jobs {
		// A job that never got a runner has a beginning all the same.
		if at := j.GetStartedAt().Time; len(j.Steps) > 0 && !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.Before(r.GetRunStartedAt().Time) { // of jobs that a re-run took over
		return time.Time{}, nil
	}
	return first, nil
}

// learned marks the past of the workflow as read, with what was found of it.
func (p *past) learned(ctx context.Context, tx *store.Tx, began map[*runs.Run]time.Time) error {
	for r, at := range began {
		if err := tx.RunBegan(ctx, p.repo.ID, r.GetID(), max(r.GetRunAttempt(), 1), store.MillisOf(at)); err != nil {
			return err
		}
	}
	if err := tx.HistoryRead(ctx, p.watch.RepoID, p.watch.WorkflowPath, p.now()); err != nil {
		return err
	}
	return p.Engine.Relearn(ctx, tx, p.watch.RepoID, p.watch.WorkflowPath)
}

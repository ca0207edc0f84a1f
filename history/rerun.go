package history

import (
	"context"
	"net/url"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

// rerun finds old runs that were started again and have failed. GitHub lists
// runs by when they were created, which a re-run keeps, so that it stands where
// the old run stood, hundreds of runs below the newest. Among the failed ones
// alone, of the default branch, the newest hundred go back much further.
//
// An installation whose scans need most of their share for themselves goes without.
func (s *scan) rerun(ctx context.Context, watched map[string]store.Watch) ([]int64, error) {
	if interval(s.repositories, s.budget.Hourly) > askEvery/2 {
		return nil, nil
	}
	etag := s.FailedETag
	for _, w := range watched {
		if w.Since() >= s.ScannedAt {
			etag = ""
		}
	}
	p, err := s.page(ctx, runs.Query{Filter: url.Values{"branch": {s.branch}, "status": {"failure"}}, ETag: etag})
	if err != nil || p.Unchanged {
		return nil, err
	}
	s.FailedETag = p.ETag
	var ids []int64
	for _, r := range p.Runs {
		if r.GetRunAttempt() > 1 {
			ids = append(ids, r.GetID())
		}
	}
	known, err := s.Store.KnownRuns(ctx, s.repo.ID, ids)
	if err != nil {
		return nil, err
	}
	var again []int64
	for _, r := range p.Runs {
		row := r.Row(s.repo.ID, s.now())
		w, ok := watched[row.WorkflowPath]
		ours := s.isUs(r.GetTriggeringActor()) || r.Dispatched() && s.isUs(r.GetActor())
		if !ok || ours || row.Attempt < 2 || !r.Completed() || !r.OnBranch(s.repo.ID, s.branch) || row.UpdatedAt < w.WatchedSince || s.Clock.Since(r.Updated()) > stale {
			continue
		}
		if before, ok := known[row.RunID]; !ok || row.Beyond(before) {
			again = append(again, row.RunID)
		}
	}
	return again, nil
}

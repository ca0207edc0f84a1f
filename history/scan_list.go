package history

import (
	"context"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// list reads what can have changed since the last scan, newest first. The ETag
// of its first page is kept only when all of it was read: with it, GitHub
// never shows the rest again.
func (s *scan) list(ctx context.Context, watches []store.Watch) ([]*runs.Run, error) {
	etag, horizon := s.ETag, s.ReadThrough.Time().Add(-overlap)
	earliest := s.Clock.Now()
	for _, w := range watches {
		first := w.WatchedSince.Time().Add(-firstReach)
		earliest = earlier(earliest, first)
		if w.WatchedSince >= s.ScannedAt { // its runs were nobody's business before
			etag, horizon = "", earlier(horizon, first)
		}
		if w.BackAt >= s.ScannedAt && w.BackAt != 0 { // nor while it was away
			etag, horizon = "", earlier(horizon, w.BackAt.Time().Add(-store.KeepWatch-overlap))
		}
	}
	if horizon.Before(earliest) {
		horizon = earliest
	}
	var list []*runs.Run
	var first runs.Page
	for number := 1; number <= maxPages; number++ {
		p, err := s.page(ctx, runs.Query{Number: number, ETag: etag})
		if err != nil {
			return nil, err
		}
		if p.Unchanged {
			s.metrics.scans.WithLabelValues("unchanged").Inc()
			return nil, nil
		}
		if number == 1 {
			first, etag = p, ""
		}
		list = append(list, p.Runs...)
		if p.Last() || p.Oldest().Before(horizon) {
			s.complete(first)
			return list, nil
		}
	}
	zerolog.Ctx(ctx).Info().Str("repo", s.repo.FullName()).Time("since", horizon).Msg("more runs than one list reads; watched workflows are listed one by one")
	for _, w := range watches {
		more, err := s.listWorkflow(ctx, w.WorkflowPath, horizon)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	s.complete(first)
	return list, nil
}

// complete notes what the next scan need not read again.
func (s *scan) complete(first runs.Page) {
	s.ETag, s.Reach = first.ETag, store.MillisOf(first.Oldest())
	s.metrics.scans.WithLabelValues("read").Inc()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// listWorkflow reads the runs of one workflow on the default branch. GitHub
// answers 404 for one whose file is gone: it has no runs to miss.
func (s *scan) listWorkflow(ctx context.Context, path string, horizon time.Time) (list []*runs.Run, err error) {
	for number := 1; number <= maxPages; number++ {
		p, err := s.page(ctx, runs.Query{Workflow: path, Filter: url.Values{"branch": {s.branch}}, Number: number})
		if githubapi.IsNotFound(err) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p.Runs...)
		if p.Last() || p.Oldest().Before(horizon) {
			break
		}
	}
	return list, nil
}

func (s *scan) page(ctx context.Context, q runs.Query) (runs.Page, error) {
	p, err := runs.List(ctx, s.client, s.repo, q)
	s.budget.note(p)
	s.noteRate(s.repo.InstallationID, p.Rate)
	if err != nil {
		return p, &requestError{err}
	}
	return p, nil
}

package api

import (
	"context"
	"net/http"

	"github.com/redundancy-app/redundancy/risk"
	"github.com/redundancy-app/redundancy/store"
)

// Risk is what the history says about the next runs. It is shown, and nothing
// else. nil in [Config]: nothing is known.
type Risk interface {
	Queue(ctx context.Context) (risk.QueueWarning, error)
	Report(ctx context.Context, repos []store.Repository, path string) (risk.Report, error)
	History(ctx context.Context, repos []store.Repository) ([]risk.Run, error)
}

// risk assesses the watched workflows. Query: repo (owner/name); without it, at
// most 200 workflows of all repositories; workflow (path).
func (s *server) risk(w http.ResponseWriter, r *http.Request) {
	repos, ok := s.watched(w, r)
	if !ok {
		return
	}
	rep, err := s.cfg.Risk.Report(r.Context(), repos, r.URL.Query().Get("workflow"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, rep)
}

// backtest holds the score against the baselines on the stored history. Query:
// repo (owner/name).
func (s *server) backtest(w http.ResponseWriter, r *http.Request) {
	repos, ok := s.watched(w, r)
	if !ok {
		return
	}
	runs, err := s.cfg.Risk.History(r.Context(), repos)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, risk.Backtest(runs, risk.Options{Seed: 1}))
}

// watched are the repositories that a request is about: the one that its query
// names, or all.
func (s *server) watched(w http.ResponseWriter, r *http.Request) ([]store.Repository, bool) {
	if s.cfg.Risk == nil {
		refuse(w, http.StatusNotFound, "this server assesses no risk")
		return nil, false
	}
	repo, one, ok := s.repoOfQuery(w, r)
	if !ok || one {
		return []store.Repository{repo}, ok
	}
	repos, err := s.cfg.Repositories.WatchedRepositories(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return nil, false
	}
	return repos, true
}

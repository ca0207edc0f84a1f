package api

import (
	"context"
	"net/http"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/risk"
	"github.com/redundancy-app/redundancy/store"
)

// Scores are the figures over time. nil in [Config]: none are shown.
type Scores interface {
	Repository(ctx context.Context, repo store.Repository) (health.Report, error)
	Fleet(ctx context.Context) (health.Report, error)
}

// Health is the answer of GET /api/v1/health.
type Health struct {
	// Healthy is about this moment: the server is ready and no confirmed
	// incident is open.
	Healthy bool                `json:"healthy"`
	Reasons []string            `json:"reasons"` // why not; empty when healthy
	Checks  []CheckResult       `json:"checks"`
	Open    []fallback.Incident `json:"open_incidents"` // confirmed ones, parts of outages included
	// Suspected are not confirmed yet, Off workflows that a person has switched
	// off on purpose. Neither makes anything unhealthy.
	Suspected []fallback.Incident `json:"suspected_incidents,omitempty"`
	Off       []fallback.Incident `json:"disabled_by_a_person,omitempty"`
	// Paused are the pauses over everything, and over the repository that is
	// asked about: nothing begins by itself meanwhile.
	Paused []fallback.Pause `json:"paused,omitempty"`
	// The report is about the last weeks: a low score makes nothing unhealthy.
	health.Report
	// EarlyWarning and Risk inform, nothing acts on them; Risk only in the
	// answer about one repository.
	EarlyWarning *risk.QueueWarning `json:"early_warning,omitempty"`
	Risk         []risk.Assessment  `json:"risk,omitempty"`
	// Broken are the newest configurations that have errors, at most 100.
	Broken []BrokenConfiguration `json:"broken_configurations,omitempty"`
}

// unhealthy are the states of incidents that somebody has to know about. A
// suppressed one counts: something is broken and nothing is being done. A
// suspicion does not: nobody is told of it elsewhere either.
var unhealthy = []fallback.State{
	fallback.Failing, fallback.Recovering, fallback.Verifying, fallback.Exhausted, fallback.Suppressed, fallback.InDoubt,
}

// health is 200 whether healthy or not: the question was answered. Query: repo
// (owner/name), for one repository.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	repo, one, ok := s.repoOfQuery(w, r)
	if !ok {
		return
	}
	h, err := s.healthNow(r.Context(), repo.ID)
	if err == nil {
		err = s.healthPaused(r.Context(), &h, repo)
	}
	if err == nil {
		err = s.healthOverTime(r.Context(), &h, repo, one)
	}
	if err == nil {
		err = s.explainNoScore(r.Context(), &h, repo, one)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, h)
}

// healthNow is about this moment; repoID of 0 means all repositories.
func (s *server) healthNow(ctx context.Context, repoID int64) (Health, error) {
	ok, checks := s.runChecks(ctx)
	h := Health{Healthy: ok, Checks: checks, Reasons: []string{}}
	for _, c := range checks {
		if !c.OK {
			h.Reasons = append(h.Reasons, c.Name+": "+c.Detail)
		}
	}
	h.Open = []fallback.Incident{}
	// Asked for apart: many suspicions must not push what is confirmed over the limit.
	open, err := s.cfg.Incidents.Incidents(ctx, fallback.Filter{RepoID: repoID, All: true, States: unhealthy, Limit: maxIncidents})
	if err != nil {
		return h, err
	}
	for _, inc := range open {
		if inc.LeftOff() {
			h.Off = append(h.Off, inc)
			continue
		}
		h.Healthy = false
		h.Open = append(h.Open, inc)
		h.Reasons = append(h.Reasons, inc.Subject()+": "+string(inc.State))
	}
	h.Suspected, err = s.cfg.Incidents.Incidents(ctx, fallback.Filter{
		RepoID: repoID, All: true, States: []fallback.State{fallback.Suspected}, Limit: maxIncidents,
	})
	return h, err
}

// healthPaused adds the pauses over everything and, when one repository is
// meant, over all of it.
func (s *server) healthPaused(ctx context.Context, h *Health, repo store.Repository) error {
	if s.cfg.Pauses == nil {
		return nil
	}
	list, err := s.cfg.Pauses.Pauses(ctx, false)
	for _, p := range list {
		mine := p.Scope == store.PauseRepository && repo.ID != 0 && p.Repo == repo.FullName()
		if p.Active && (p.Scope == store.PauseAll || mine) {
			h.Paused = append(h.Paused, p)
		}
	}
	return err
}

func (s *server) healthOverTime(ctx context.Context, h *Health, repo store.Repository, one bool) (err error) {
	if s.cfg.Risk != nil {
		warning, err := s.cfg.Risk.Queue(ctx)
		if err != nil {
			return err
		}
		h.EarlyWarning = &warning
	}
	switch {
	case s.cfg.Scores == nil:
		return nil
	case !one:
		h.Report, err = s.cfg.Scores.Fleet(ctx)
		return err
	}
	if h.Report, err = s.cfg.Scores.Repository(ctx, repo); err != nil || s.cfg.Risk == nil {
		return err
	}
	rep, err := s.cfg.Risk.Report(ctx, []store.Repository{repo}, "")
	h.Risk = rep.Targets
	return err
}

// repoOfQuery reads ?repo=owner/name. one is false without it; ok is false when
// the request has been refused.
func (s *server) repoOfQuery(w http.ResponseWriter, r *http.Request) (repo store.Repository, one, ok bool) {
	v := r.URL.Query().Get("repo")
	if v == "" {
		return repo, false, true
	}
	repo, ok = s.covered(w, r, v)
	return repo, true, ok
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/store"
)

// Repositories is what the App knows of where it is installed.
type Repositories interface {
	Installations(ctx context.Context) ([]store.Installation, error)
	Repositories(ctx context.Context, installationID int64) ([]store.Repository, error)
	RepositoryByName(ctx context.Context, owner, name string) (store.Repository, bool, error)
	IncidentStates(ctx context.Context) (map[string]int, error)
	WatchedRepositories(ctx context.Context) ([]store.Repository, error)
	RepositoryConfig(ctx context.Context, repoID int64) (c store.RepositoryConfig, ok bool, err error)
	BrokenConfigs(ctx context.Context, limit int64) (list []store.RepositoryConfig, total int64, err error)
}

// Status is the answer of GET /api/v1/status.
type Status struct {
	Version       string         `json:"version"`
	StartedAt     time.Time      `json:"started_at"`
	Ready         bool           `json:"ready"`
	Checks        []CheckResult  `json:"checks"`
	Inbox         InboxStatus    `json:"inbox"`
	Queue         QueueStatus    `json:"queue"`
	Installations map[string]int `json:"installations"` // by state
	Repositories  int            `json:"repositories"`
	Incidents     map[string]int `json:"incidents"` // by state
	// Downtime is when this server was not up before it was started; absent
	// when it never ran before.
	Downtime *Downtime  `json:"downtime,omitempty"`
	Scan     ScanStatus `json:"scan"`
	// Upstream are what recoveries depend on and what is in trouble; empty when
	// all is well.
	Upstream []fallback.UpstreamStatus `json:"upstream"`
	// Pauses are what people hold back, now or from a later moment on.
	Pauses []fallback.Pause `json:"pauses"`
	// Broken are the newest configurations that have errors, at most 100 of
	// BrokenTotal.
	Broken      []BrokenConfiguration `json:"broken_configurations"`
	BrokenTotal int64                 `json:"broken_configurations_total"`
}

// Downtime is a time in which nobody watched.
type Downtime struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// ScanStatus says how far webhooks were checked against GitHub's own lists.
type ScanStatus struct {
	Repositories int        `json:"repositories"` // with watched workflows
	Doubtful     int        `json:"doubtful"`     // whose webhooks are not relied on at the moment
	Oldest       *time.Time `json:"oldest,omitempty"`
	Missed       *time.Time `json:"missed,omitempty"` // when a run was last found that no webhook had told of
	Unread       int        `json:"unread"`           // workflows whose past runs were not read yet
}

// Scans compare webhooks with GitHub's lists.
type Scans interface {
	CountScans(ctx context.Context, now store.Millis) (store.ScanCounts, error)
	Moment(ctx context.Context, name string) (time.Time, error)
}

func (s *server) scans(ctx context.Context) (st ScanStatus, err error) {
	if s.cfg.Scans == nil {
		return st, nil
	}
	c, err := s.cfg.Scans.CountScans(ctx, store.MillisOf(s.cfg.Clock.Now()))
	if err != nil {
		return st, err
	}
	missed, err := s.cfg.Scans.Moment(ctx, store.MomentMissed)
	return ScanStatus{Repositories: c.Repositories, Doubtful: c.Doubtful, Oldest: moment(c.Oldest.Time()), Missed: moment(missed), Unread: c.Unread}, err
}

// InboxStatus counts deliveries that are stored and not handled yet.
type InboxStatus struct {
	Depth  int        `json:"depth"`
	Oldest *time.Time `json:"oldest,omitempty"`
}

// QueueStatus counts jobs.
type QueueStatus struct {
	Available int        `json:"available"`
	Waiting   int        `json:"waiting"`
	Running   int        `json:"running"`
	Dead      int        `json:"dead"`
	Oldest    *time.Time `json:"oldest_ready,omitempty"`
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.collect(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, st)
}

func (s *server) collect(ctx context.Context) (Status, error) {
	st := Status{Version: s.cfg.Version, StartedAt: s.cfg.StartedAt.UTC(), Installations: map[string]int{}}
	st.Ready, st.Checks = s.runChecks(ctx)
	depth, oldest, err := s.cfg.Deliveries.PendingDeliveries(ctx)
	if err != nil {
		return st, err
	}
	st.Inbox = InboxStatus{Depth: depth, Oldest: moment(oldest)}
	jobs, err := s.cfg.Jobs.Stats(ctx)
	if err != nil {
		return st, err
	}
	st.Queue = QueueStatus{jobs.Available, jobs.Waiting, jobs.Running, jobs.Dead, moment(jobs.OldestReady)}
	if st.Scan, err = s.scans(ctx); err != nil {
		return st, err
	}
	if s.cfg.Downtime != nil {
		if from, to := s.cfg.Downtime(); !from.IsZero() {
			st.Downtime = &Downtime{From: from.UTC(), To: to.UTC()}
		}
	}
	installations, err := s.cfg.Repositories.Installations(ctx)
	if err != nil {
		return st, err
	}
	for _, i := range installations {
		st.Installations[string(i.State)]++
		repos, err := s.cfg.Repositories.Repositories(ctx, i.ID)
		if err != nil {
			return st, err
		}
		st.Repositories += len(repos)
	}
	if st.Incidents, err = s.cfg.Repositories.IncidentStates(ctx); err != nil {
		return st, err
	}
	if st.Upstream, err = s.cfg.Incidents.Upstreams(ctx); err != nil {
		return st, err
	}
	if st.Broken, st.BrokenTotal, err = s.brokenConfigurations(ctx); err != nil {
		return st, err
	}
	st.Pauses, err = s.cfg.Pauses.Pauses(ctx, false)
	return st, err
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// RepositoryList is the answer of GET /api/v1/repositories.
type RepositoryList struct {
	Repositories []Repository `json:"repositories"`
}

// Repository is a repository the App is installed on.
type Repository struct {
	ID             int64                     `json:"id"`
	FullName       string                    `json:"full_name"`
	InstallationID int64                     `json:"installation_id"`
	State          string                    `json:"state"` // of the installation
	DefaultBranch  string                    `json:"default_branch"`
	Configured     bool                      `json:"configured"` // false also when it was never read
	Workflows      []fallback.WorkflowStatus `json:"workflows"`
}

func (s *server) repositories(w http.ResponseWriter, r *http.Request) {
	list := RepositoryList{Repositories: []Repository{}}
	installations, err := s.cfg.Repositories.Installations(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, i := range installations {
		repos, err := s.cfg.Repositories.Repositories(r.Context(), i.ID)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		for _, repo := range repos {
			st, err := s.cfg.Incidents.Status(r.Context(), repo.ID)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			list.Repositories = append(list.Repositories, Repository{
				ID: repo.ID, FullName: repo.FullName(), InstallationID: i.ID, State: string(i.State),
				DefaultBranch: repo.DefaultBranch, Configured: len(st.Workflows) > 0,
				Workflows: append([]fallback.WorkflowStatus{}, st.Workflows...),
			})
		}
	}
	answer(w, http.StatusOK, list)
}

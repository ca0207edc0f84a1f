package history

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Clients gives the client of an installation.
type Clients interface {
	Installation(id int64) (*github.Client, error)
}

// Engine takes what is found.
type Engine interface {
	// Seen is told of a run of a watched workflow on the default branch.
	Seen(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error
	// Relearn has thresholds derived anew from the runs on record.
	Relearn(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error
}

// Config is what the readers need. Every field but BotLogin, Registerer and
// Scale must be set.
type Config struct {
	Store   *store.Store
	Queue   queue.Enqueuer
	Clients Clients
	Engine  Engine
	Clock   clockwork.Clock
	// BotLogin gives the login under which our dispatches start runs,
	// "slug[bot]", or "" while it is unknown: then every bot may be ourselves.
	BotLogin   func() string
	Registerer prometheus.Registerer
	// Scale divides the intervals of scans, for tests and demonstrations
	// (REDUNDANCY_POLL_SCALE). GitHub's hour is not scaled. 0 means 1.
	Scale float64
}

// History reads. It is safe for concurrent use.
type History struct {
	Config
	metrics *metrics
	rates   sync.Map // installation id → github.Rate, as GitHub last said
}

// New makes a History. It panics when its metrics are registered twice.
func New(c Config) *History {
	if c.Scale <= 0 {
		c.Scale = 1
	}
	if c.BotLogin == nil {
		c.BotLogin = func() string { return "" }
	}
	return &History{Config: c, metrics: newMetrics(c.Registerer)}
}

// Workers are the workers by kind, for queue.Queue.Handle.
func (h *History) Workers() map[string]queue.Worker {
	return map[string]queue.Worker{
		queue.ReadHistory{}.Kind(): {Work: h.Read, Timeout: readTimeout},
		queue.ScanRuns{}.Kind():    {Work: h.Scan, Timeout: scanTimeout},
	}
}

// Time limits of one job: a few requests, and a batch of scans.
const (
	readTimeout = 5 * time.Minute
	scanTimeout = 10 * time.Minute
)

// maxNamed bounds the repositories of one statement; more are as good as all.
const maxNamed = 1000

// Start has everything compared and what is missing read: while the process
// was down, webhooks were lost for certain. It is called once, at start.
func (h *History) Start(ctx context.Context) error {
	return h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := h.Doubt(ctx, tx); err != nil {
			return err
		}
		return h.Wake(ctx, tx)
	})
}

// Wake has the jobs of all installations look for work. One whose installation
// was suspended may have ended.
func (h *History) Wake(ctx context.Context, tx *store.Tx) error {
	ids, err := store.ScanInstallations(ctx, tx, nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := h.Queue.Enqueue(ctx, tx, queue.ReadHistory{InstallationID: id}.Item(), queue.ScanRuns{InstallationID: id}.Item()); err != nil {
			return err
		}
	}
	return nil
}

// Enrolled has the runs of a repository read, if one of its workflows has come
// under watch.
func (h *History) Enrolled(ctx context.Context, tx *store.Tx, repo queue.Repo) error {
	watches, err := store.WatchesOf(ctx, tx, repo.ID)
	if err != nil {
		return err
	}
	scan, _, err := store.ReadScan(ctx, tx, repo.ID)
	if err != nil {
		return err
	}
	for _, w := range watches {
		if w.HistoryAt != 0 && w.Since() < scan.ScannedAt {
			continue
		}
		if scan.RepoID != 0 {
			scan.NextAt = h.now()
			if err := tx.SaveScan(ctx, &scan); err != nil {
				return err
			}
		}
		return h.Queue.Enqueue(ctx, tx, queue.ReadHistory{InstallationID: repo.InstallationID}.Item(), queue.ScanRuns{InstallationID: repo.InstallationID}.Item())
	}
	return nil
}

// Doubt says that webhooks of repositories may have been lost, of all when none
// are named: their runs are compared soon, and often for a while.
func (h *History) Doubt(ctx context.Context, tx *store.Tx, repoIDs ...int64) error {
	if len(repoIDs) > maxNamed {
		repoIDs = nil
	}
	now := h.Clock.Now()
	if err := tx.DoubtScans(ctx, repoIDs, store.MillisOf(now.Add(h.scaled(doubtFor))), store.MillisOf(now)); err != nil {
		return err
	}
	ids, err := store.ScanInstallations(ctx, tx, repoIDs)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := h.Queue.Enqueue(ctx, tx, queue.ScanRuns{InstallationID: id}.Item()); err != nil {
			return err
		}
	}
	return nil
}

func (h *History) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/h.Scale), time.Millisecond)
}

func (h *History) now() store.Millis { return store.MillisOf(h.Clock.Now()) }

// rate is what GitHub last said of an installation's hourly limit; the zero
// value when it said nothing since the start.
func (h *History) rate(installationID int64) github.Rate {
	r, _ := h.rates.Load(installationID)
	rate, _ := r.(github.Rate)
	return rate
}

// noteRate keeps the lowest of an hour: answers do not come in the order in
// which GitHub counted.
func (h *History) noteRate(installationID int64, rate github.Rate) {
	for rate.Limit > 0 {
		before, known := h.rates.LoadOrStore(installationID, rate)
		old, _ := before.(github.Rate)
		if !known || old.Limit == rate.Limit && old.Reset.Equal(rate.Reset) && old.Remaining <= rate.Remaining || h.rates.CompareAndSwap(installationID, before, rate) {
			return
		}
	}
}

// isUs says whether an account is this App, or may be while its name is unknown.
func (h *History) isUs(u *github.User) bool {
	self := h.BotLogin()
	return self == "" && u.GetType() == "Bot" || self != "" && strings.EqualFold(u.GetLogin(), self)
}

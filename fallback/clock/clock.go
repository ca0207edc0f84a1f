package clock

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// maxSchedules that are kept compiled, by their crons: many workflows share
// theirs.
const maxSchedules = 4096

// Incidents is the side that deals with what the clock finds. Every method
// but Address is called within the transaction that wrote the finding.
type Incidents interface {
	// Suspect opens the incident of a tick that no run has answered within the
	// soft grace, and records the tick as suspected by [Clock.Became]. It returns the incident,
	// 0 when the tick had one already. flow is what stands in the watch.
	Suspect(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch, t schedule.Tick, flow config.Workflow) (incident int64, err error)
	// Answered is told of everything that happens to a run that answers a tick.
	Answered(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) error
	// Wanted are the ticks since a moment whose late run somebody has to know
	// of: it is waited for, or its work was done in its place.
	Wanted(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string, since time.Time) (map[schedule.Tick]bool, error)
	// Returned is told of a workflow whose watch had ended and is back: its
	// missed ticks are somebody's again.
	Returned(ctx context.Context, tx *store.Tx, repoID int64, workflowPath string) error
	// Address gives a repository the name and the installation that are on
	// record; one that is not on record comes back as it is.
	Address(ctx context.Context, repo queue.Repo) (queue.Repo, error)
}

// Config is what a clock needs. Every field that is not said to be optional
// must be set.
type Config struct {
	Store     *store.Store
	Queue     queue.Enqueuer
	Clock     clockwork.Clock
	Incidents Incidents
	// Log is for what Run meets.
	Log zerolog.Logger
	// Registerer takes the metrics; nil means none.
	Registerer prometheus.Registerer
	// Scale divides every wait and every grace, above 0; 1 is as documented.
	Scale float64
}

// Clock looks after the schedules. It keeps nothing per watch in memory. Its
// methods are safe for concurrent use.
type Clock struct {
	Config
	bell      chan struct{} // a watch may be due earlier than Run thinks
	latest    atomic.Int64  // when it was last asked for what is due, in ms; 0 never
	schedules *lru.Cache[string, schedule.Set]
	metrics   *metrics
	// looked is called after each batch with its size. Tests wait for it.
	looked func(watches int)
}

// New makes a clock. It does nothing by itself until Run is called.
func New(cfg Config) *Clock {
	c := &Clock{Config: cfg, bell: make(chan struct{}, 1), metrics: newMetrics(cfg.Registerer), looked: func(int) {}}
	c.schedules, _ = lru.New[string, schedule.Set](maxSchedules) // fails for sizes below 1 only
	return c
}

// ring has Run look at the watches anew, once what was written is on disk.
func (c *Clock) ring(tx *store.Tx) {
	tx.OnCommit(func() {
		select {
		case c.bell <- struct{}{}:
		default: // it rings already
		}
	})
}

// Schedule compiles the crons of a workflow, or recalls them.
func (c *Clock) Schedule(crons []config.Cron) schedule.Set {
	key, err := json.Marshal(crons)
	if err != nil { // strings alone
		return schedule.Compile(crons)
	}
	if set, ok := c.schedules.Get(string(key)); ok {
		return set
	}
	set := schedule.Compile(crons)
	c.schedules.Add(string(key), set)
	return set
}

func (c *Clock) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/c.Scale), time.Millisecond)
}

func (c *Clock) now() store.Millis { return store.MillisOf(c.Clock.Now()) }

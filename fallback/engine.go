package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Clients gives the client of an installation.
type Clients interface {
	Installation(id int64) (*github.Client, error)
}

// Configs knows the configuration that is in force.
type Configs interface {
	// InForce reads it from the store. known is false when the repository's
	// configuration was never read; a repository without one is known and empty.
	InForce(ctx context.Context, repoID int64) (c config.Repository, known bool, err error)
	// Load reads it from GitHub and puts it in force when it is good.
	Load(ctx context.Context, repo queue.Repo) (config.Repository, error)
}

// Publisher shows an incident on GitHub; see checkrun.Publisher.
type Publisher interface {
	Publish(ctx context.Context, client *github.Client, repo queue.Repo, id int64, run checkrun.Run) (int64, error)
}

// Config is what an engine needs.
type Config struct {
	Store     *store.Store
	Queue     queue.Enqueuer
	Clock     clockwork.Clock
	Clients   Clients
	Configs   Configs
	Publisher Publisher
	// Actions is nil on a host without an agent: local steps are skipped.
	Actions Actions
	// BotLogin gives the login under which our dispatches start runs,
	// "slug[bot]", or "" while it is unknown.
	BotLogin func() string
	// DetailsURL gives the page of an incident; nil means none.
	DetailsURL func(incident int64) string
	// Log is for what no job is the cause of.
	Log zerolog.Logger
	// Registerer takes the metrics; nil means none.
	Registerer prometheus.Registerer
	// Logs reads logs of failed jobs; nil: failures are judged without them.
	Logs Logs
	// Jitter draws a pause from nothing up to and with limit; nil draws evenly.
	Jitter func(limit time.Duration) time.Duration
	// Budgets bound what is started on GitHub; the zero value are the defaults.
	Budgets Budgets
	// StatusPage is asked while our own observations say that GitHub is in
	// trouble; nil means never.
	StatusPage StatusPage
	// Scale divides every wait below and the breakers' cool-downs, for tests
	// and demonstrations (REDUNDANCY_POLL_SCALE). 0 means 1.
	Scale float64
	// StepDeadline is how long a step's evidence is awaited; 0 means 6 hours,
	// GitHub's own limit for a job. Not scaled: it bounds the work of others.
	StepDeadline time.Duration
}

// The waits of the engine, before scaling.
const (
	// settleRerun: GitHub raises run_attempt in the request that re-runs, so a
	// lost answer is settled quickly.
	settleRerun = 30 * time.Second
	// settleDispatch: a dispatched run shows up in lists within seconds, in bad
	// hours within a minute.
	settleDispatch = 2 * time.Minute
	// settleOnce is settleDispatch where a second execution does harm.
	settleOnce = 10 * time.Minute
	// settleEvent is how long the other workflows that listen to an event are
	// waited for when one has reacted: one that is disabled never does.
	settleEvent = 2 * time.Minute
	// pollMin and pollMax bound the safety net behind lost webhooks.
	pollMin, pollMax = 30 * time.Second, 5 * time.Minute
	// pollSettle is the pause between two looks for an effect.
	pollSettle = 5 * time.Second
	// pollDoubt is how often a run that outlived its deadline is looked at.
	pollDoubt = time.Hour
	// pollDormant is how often a suspended installation is tried.
	pollDormant = time.Hour
	// clockSkew is how far our clock can be ahead of GitHub's when we look for
	// a run that we started "since": a minute, because GitHub refuses the
	// tokens' JWT (issued at: now - 60 s) of an App whose clock is further
	// ahead. Less would overlook the run of a host with a bad clock, and start it twice.
	clockSkew = time.Minute

	defaultStepDeadline = 6 * time.Hour
	// MaxDepth is the depth from which incidents start nothing that could lead
	// to another incident.
	MaxDepth = 3
	// maxNotDone bounds the repetition of a step whose effect provably did not
	// happen: the first may be repeated once.
	maxNotDone = 2
	// maxNotSent bounds how often a step is passed over to something else that
	// got in between, such as a person's re-run.
	maxNotSent = 10
)

// Engine recovers. Its methods are safe for concurrent use; jobs of one
// incident must be serialised by the queue's keys.
type Engine struct {
	Config
	actions *inFlight
	metrics *metrics
	reading chan struct{} // as long as a log is read
	// workflows are facts of workflow files by blob.
	workflows *lru.Cache[string, config.WorkflowFacts]
	up        time.Time // since when this process hears of GitHub
	lookUps   *lookUps  // bounds what claims make us ask
	doubts    *doubts   // about workflows that GitHub does not show
	clock     *clock.Clock
	upstream  *upstream.Health
	// at is called at the named points between a commit and an effect. Tests
	// end the process there.
	at func(point string) error
}

// The points of Engine.at.
const (
	pointIntent = "intent committed" // nothing sent yet
	pointEffect = "effect done"      // nothing written about it yet
)

// New makes an engine. Every field of c that is not said to be optional must be set.
func New(c Config) *Engine {
	if c.Scale <= 0 {
		c.Scale = 1
	}
	c.Budgets = c.Budgets.orDefault()
	if c.StepDeadline <= 0 {
		c.StepDeadline = defaultStepDeadline
	}
	if c.Jitter == nil {
		c.Jitter = randomly
	}
	if c.BotLogin == nil {
		c.BotLogin = func() string { return "" }
	}
	e := &Engine{Config: c, metrics: newMetrics(c.Store, c.Registerer), up: c.Clock.Now(), at: func(string) error { return nil }}
	e.actions, e.lookUps, e.doubts = newInFlight(), newLookUps(c.Clock), newDoubts()
	e.reading = make(chan struct{}, logsAtOnce)
	if c.Registerer != nil {
		c.Registerer.MustRegister(upstreamGauge{e})
	}
	e.upstream = upstream.New(upstream.Config{
		Store: c.Store, Clock: c.Clock, Incidents: upstreamIncidents{e}, Log: c.Log, Jitter: c.Jitter, Scale: c.Scale,
	})
	e.clock = clock.New(clock.Config{
		Store: c.Store, Queue: c.Queue, Clock: c.Clock, Incidents: tickIncidents{e}, Log: c.Log, Registerer: c.Registerer, Scale: c.Scale,
	})
	e.workflows, _ = lru.New[string, config.WorkflowFacts](maxKnownWorkflows) // fails for sizes below 1 only
	return e
}

// Workers are the engine's workers by kind, for queue.Queue.Handle.
func (e *Engine) Workers() map[string]queue.Worker {
	return map[string]queue.Worker{
		queue.ObserveRun{}.Kind():      {Work: e.Observe},
		queue.InspectRun{}.Kind():      {Work: e.Inspect},
		queue.ExpectRun{}.Kind():       {Work: e.Expect},
		queue.AdvanceIncident{}.Kind(): {Work: e.Advance},
		queue.PublishIncident{}.Kind(): {Work: e.Publish},
		queue.Recover{}.Kind():         {Work: e.RecoverJob},
		queue.PauseTarget{}.Kind():     {Work: e.PauseJob},
		queue.CheckWorkflow{}.Kind():   {Work: e.CheckWorkflow},
	}
}

// Resume wakes every incident that is not over. It is called at start, where
// it costs one row each, and makes up for wake-ups that ended as dead letters.
func (e *Engine) Resume(ctx context.Context) error { return e.Store.Update(ctx, e.Wake) }

// Wake is Resume in a transaction of the caller's: an installation that works
// again has incidents whose wake-ups were dropped while it was suspended.
func (e *Engine) Wake(ctx context.Context, tx *store.Tx) error {
	list, err := store.Incidents(ctx, tx, store.IncidentFilter{States: unsettled, Limit: 1 << 30})
	if err != nil {
		return err
	}
	for _, inc := range list {
		// Nothing but a re-run by a person can settle these, and GitHub allows
		// that for 30 days.
		if State(inc.State) == Exhausted && e.Clock.Since(inc.UpdatedAt.Time()) > 30*24*time.Hour {
			continue
		}
		if err := e.Queue.Enqueue(ctx, tx, advanceItem(inc.ID, time.Time{})); err != nil {
			return err
		}
	}
	return nil
}

// Close stops watching local actions and waits until nothing runs any more.
// The actions themselves go on; the next process takes them up.
func (e *Engine) Close() { e.actions.close() }

func (e *Engine) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/e.Scale), time.Millisecond)
}

func (e *Engine) now() store.Millis { return store.MillisOf(e.Clock.Now()) }

func advanceItem(id int64, at time.Time) queue.Item {
	key := fmt.Sprintf("incident:%d", id)
	return queue.Item{Args: queue.AdvanceIncident{ID: id}, Options: queue.Options{Key: key, Unique: key, RunAt: at}}
}

func publishItem(id int64) queue.Item {
	key := fmt.Sprintf("publish:%d", id)
	return queue.Item{Args: queue.PublishIncident{ID: id}, Options: queue.Options{Key: key, Unique: key}}
}

func refreshItem(id int64) queue.Item {
	key := fmt.Sprintf("refresh:%d", id)
	return queue.Item{Args: queue.RefreshReplies{IncidentID: id}, Options: queue.Options{Key: key, Unique: key}}
}

// arguments decodes a job. A job that does not decode never will.
func arguments[T any](job queue.Job) (T, error) {
	var args T
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return args, queue.Permanent(fmt.Errorf("decode arguments of %s: %w", job.Kind, err))
	}
	return args, nil
}

// document is evidence as stored: a JSON object, or "" for none.
func document(evidence map[string]any) string {
	if len(evidence) == 0 {
		return ""
	}
	b, err := json.Marshal(evidence)
	if err != nil { // values are strings, numbers and lists of them
		return ""
	}
	return string(b)
}

// evidenceOf reads evidence back.
func evidenceOf(doc string) map[string]any {
	var v map[string]any
	if doc == "" || json.Unmarshal([]byte(doc), &v) != nil {
		return nil
	}
	return v
}

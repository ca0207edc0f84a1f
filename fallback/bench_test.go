package fallback

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) {
	if underRace {
		if err := flag.Set("rapid.checks", "15"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	primaryPath  = ".github/workflows/marketing-sync.yml"
	fallbackPath = ".github/workflows/marketing-sync-fallback.yml"
	eventPath    = ".github/workflows/on-event.yml"
	plainJobs    = "jobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
)

var workflows = map[string]string{
	primaryPath:                         "name: Marketing sync\non: {schedule: [{cron: '0 6 * * *'}], push: {}, workflow_dispatch: {}}\n" + plainJobs,
	fallbackPath:                        "name: Fallback\non: {workflow_dispatch: {inputs: {reason: {default: none}}}}\n" + plainJobs,
	eventPath:                           "name: On event\non: {repository_dispatch: {types: [marketing-sync-fallback]}}\n" + plainJobs,
	".github/workflows/sync-health.yml": "name: Sync health\non: {push: {}}\n" + plainJobs,
}

// The rungs that tests build ladders from.
var (
	rerun      = config.Step{Rerun: &config.Rerun{Attempts: 1}}
	dispatch   = config.Step{Dispatch: &config.Dispatch{Workflow: fallbackPath, Ref: "main", Inputs: map[string]string{"reason": "failed"}}}
	event      = config.Step{RepositoryDispatch: &config.RepositoryDispatch{EventType: "marketing-sync-fallback"}}
	local      = config.Step{Run: &config.Run{Host: config.LocalHost, Action: "git-sync", Timeout: config.Duration(time.Minute)}}
	remoteHost = config.Step{Run: &config.Run{Host: "home", Action: "git-sync"}}
)

type ctx = context.Context

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }

func storeClaim(b *bench, key string) (store.Claim, bool, error) { return b.store.Claim(b.ctx, key) }

// errCrash stands for the death of the process: nothing after it runs.
var errCrash = errors.New("process died")

// bench is an engine on a real store and a double of GitHub, with a queue that
// is worked off by hand, so that tests say what happens when.
type bench struct {
	testing.TB
	gh      *githubtest.Server
	repo    *githubtest.Repo
	at      queue.Repo
	clock   *clockwork.FakeClock
	store   *store.Store
	queue   *handQueue
	engine  *Engine
	clients *githubapi.Clients
	configs *configs
	actions *actions
	metrics *prometheus.Registry
	budgets Budgets
	ctx     context.Context
	// jitter is the pause that is drawn between tries of a step.
	jitter time.Duration
	// crash ends the process at the named point, once.
	crash string
	// life ends the process after one of its acts; nil: it is immortal.
	life *life
}

func newBench(t testing.TB, flow config.Workflow) *bench {
	t.Helper()
	return newBenchOn(t, githubtest.Config{}, flow)
}

func newBenchOn(t testing.TB, cfg githubtest.Config, flow config.Workflow) *bench {
	t.Helper()
	b := &bench{TB: t, clock: clockwork.NewFakeClockAt(time.Now().UTC().Truncate(time.Second)), ctx: zerolog.New(zerolog.NewTestWriter(t)).WithContext(context.Background())}
	cfg.Clock = b.clock
	var err error
	if b.gh, err = githubtest.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.gh.Close(); err != nil {
			t.Error(err)
		}
	})
	if b.repo, err = b.gh.AddRepo("acme", "site", workflows); err != nil {
		t.Fatal(err)
	}
	installation := b.gh.Install("acme")
	b.at = queue.Repo{InstallationID: installation, ID: b.repo.ID, Owner: "acme", Name: "site"}
	if b.clients, err = githubapi.New(githubapi.Config{BaseURL: b.gh.URL(), AppID: b.gh.AppID, PrivateKey: b.gh.PrivateKeyPEM(), Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.clients.Close)
	if b.store, err = store.Open(b.ctx, "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if flow.File == "" {
		flow.File = primaryPath
	}
	b.queue = &handQueue{clock: b.clock}
	b.configs = &configs{known: true, c: config.Repository{Version: 1, Workflows: []config.Workflow{flow, {File: ".github/workflows/sync-health.yml"}}}}
	b.actions = &actions{journal: map[string]action.Result{}, exit: map[string]int{}}
	b.restart()
	t.Cleanup(func() { b.engine.Close() })
	t.Cleanup(func() {
		for _, v := range b.gh.Violations() {
			t.Errorf("GitHub would not take this: %s", v)
		}
	})
	return b
}

// restart is a new process on the same database.
func (b *bench) restart() {
	if b.engine != nil {
		b.engine.Close()
	}
	b.life.again()
	b.metrics = prometheus.NewRegistry()
	b.engine = New(Config{
		Store: b.store, Queue: b.queue, Clock: b.clock, Clients: b.clients, Configs: b.configs,
		Publisher: &checkrun.Publisher{AppID: b.gh.AppID}, Actions: b.actions, Registerer: b.metrics,
		BotLogin: func() string { return "redundancy[bot]" }, Budgets: b.budgets,
		Logs: b.clients, Jitter: func(time.Duration) time.Duration { return b.jitter },
	})
	b.engine.at = func(point string) error {
		if b.crash == point {
			b.crash = ""
			return errCrash
		}
		return nil
	}
}

// fail makes a run of the watched workflow that ends in conclusion, and lets
// the engine see it.
func (b *bench) fail(conclusion string, jobs ...githubtest.Job) *githubtest.Run {
	b.Helper()
	x := b.run(primaryPath, "schedule", conclusion, jobs...)
	b.observe(x.ID)
	return x
}

func (b *bench) run(workflow, event, conclusion string, jobs ...githubtest.Job) *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(workflow, event)
	if err != nil {
		b.Fatal(err)
	}
	b.end(x, conclusion, jobs...)
	return x
}

func (b *bench) end(x *githubtest.Run, conclusion string, jobs ...githubtest.Job) {
	b.Helper()
	if err := x.Complete(conclusion, jobs...); err != nil {
		b.Fatal(err)
	}
}

// observe is a webhook about a run, and all the work that follows from it now.
func (b *bench) observe(ids ...int64) {
	b.Helper()
	for _, id := range ids {
		b.enqueue(queue.ObserveRun{Repo: b.at, RunID: id, DeliveryID: "d"}.Item())
	}
	b.work()
}

func (b *bench) enqueue(items ...queue.Item) {
	b.Helper()
	if err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error { return b.queue.Enqueue(ctx, tx, items...) }); err != nil {
		b.Fatal(err)
	}
}

// work does everything that is due. A process that dies is started again.
func (b *bench) work() {
	b.Helper()
	b.workWith(func() { b.engine.actions.wg.Wait() }) // the ends of actions are wake-ups
}

// workWith calls before ahead of each look at the queue.
func (b *bench) workWith(before func()) {
	b.Helper()
	workers := b.engine.Workers()
	for turns := 0; ; turns++ {
		if turns > 5_000 {
			b.Fatal("the queue does not come to rest")
		}
		before()
		job, ok := b.queue.take()
		if !ok {
			return
		}
		w, known := workers[job.Kind]
		if !known { // another package's
			continue
		}
		job.Attempt = 1 // they follow one another by the second; passMortal counts them
		err := w.Work(b.ctx, job)
		var snooze *queue.SnoozeError
		switch {
		case b.life.ended() || errors.Is(err, errCrash):
			b.queue.put(job, b.clock.Now())
			b.restart()
			workers = b.engine.Workers()
		case err == nil:
		case errors.As(err, &snooze):
			b.queue.put(job, snooze.Until)
		default:
			v := githubapi.Classify(b.clock)(err)
			b.Logf("%s: %v (%v: %s)", job.Kind, err, v.Action, v.Reason)
			switch v.Action {
			case queue.Retry:
				b.queue.put(job, b.clock.Now().Add(time.Second))
			case queue.SnoozeUntil:
				b.queue.put(job, v.Until)
			case queue.GiveUp:
				b.queue.dead = append(b.queue.dead, err)
			}
		}
	}
}

// pass lets time pass, with the work that falls due on the way.
func (b *bench) pass(d time.Duration) {
	b.Helper()
	end := b.clock.Now().Add(d)
	for {
		b.work()
		at, ok := b.nextAt()
		if !ok || at.After(end) {
			break
		}
		b.clock.Advance(at.Sub(b.clock.Now()))
		b.look()
	}
	b.clock.Advance(end.Sub(b.clock.Now()))
	b.work()
}

func (b *bench) client() *github.Client {
	b.Helper()
	c, err := b.clients.Installation(b.at.InstallationID)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// dispatched are the runs that this App's dispatches started, oldest first.
func (b *bench) dispatched() []*githubtest.Run {
	return slices.DeleteFunc(b.repo.Runs(), func(x *githubtest.Run) bool { return x.Actor != "redundancy[bot]" })
}

// effects counts what GitHub and the host did for us.
func (b *bench) effects() map[string]int {
	n := map[string]int{
		kindRerun:              b.gh.Effects("actions/re-run-workflow-failed-jobs") + b.gh.Effects("actions/re-run-workflow"),
		kindDispatch:           b.gh.Effects("actions/create-workflow-dispatch"),
		kindRepositoryDispatch: b.gh.Effects("repos/create-dispatch-event"),
		kindRun:                b.actions.count(),
	}
	for k, v := range n {
		if v == 0 {
			delete(n, k)
		}
	}
	return n
}

// only is the one incident that there must be.
func (b *bench) only() Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		b.Fatal(err)
	}
	if len(list) != 1 {
		b.Fatalf("%d incidents, want 1: %+v", len(list), list)
	}
	return b.incident(list[0].ID)
}

func (b *bench) incident(id int64) Incident {
	b.Helper()
	inc, ok, err := b.engine.Incident(b.ctx, id)
	if err != nil || !ok {
		b.Fatal(id, ok, err)
	}
	return inc
}

func (b *bench) incidents() int {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		b.Fatal(err)
	}
	return len(list)
}

// want checks the state of the only incident and shows its story otherwise.
func (b *bench) want(state State) Incident {
	b.Helper()
	inc := b.only()
	b.wantState(inc, state)
	return inc
}

func (b *bench) wantState(inc Incident, state State) {
	b.Helper()
	if inc.State != state {
		for _, e := range inc.Timeline {
			b.Logf("%s → %s: %s %s", e.From, e.To, e.Reason, e.Evidence)
		}
		b.Fatalf("incident %d is %s (%s), want %s", inc.ID, inc.State, inc.Reason, state)
	}
}

// steps is "kind state" of each try.
func steps(inc Incident) []string {
	var out []string
	for _, st := range inc.Steps {
		out = append(out, st.Kind+" "+string(st.State))
	}
	return out
}

// check is the Check Run of an incident.
func (b *bench) check(sha string) githubtest.CheckRun {
	b.Helper()
	var mine []githubtest.CheckRun
	for _, c := range b.repo.CheckRuns(sha) {
		if c.Name == "redundancy / recover marketing-sync" {
			mine = append(mine, c)
		}
	}
	if len(mine) != 1 {
		b.Fatalf("%d check runs, want 1", len(mine))
	}
	return mine[0]
}

// handQueue keeps jobs like the embedded queue, and runs none by itself.
type handQueue struct {
	clock *clockwork.FakeClock
	mu    sync.Mutex
	jobs  []queue.Job
	last  int64
	dead  []error
	// pick chooses which of the jobs that are due is done first; nil: the oldest.
	pick func(due []queue.Job) int
}

func (q *handQueue) Enqueue(_ context.Context, tx *store.Tx, items ...queue.Item) error {
	for _, it := range items {
		args, err := json.Marshal(it.Args)
		if err != nil {
			return err
		}
		at := it.Options.RunAt
		if now := q.clock.Now(); at.Before(now) {
			at = now
		}
		tx.OnCommit(func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			for i := range q.jobs {
				if j := &q.jobs[i]; j.Unique != "" && j.Unique == it.Options.Unique {
					if at.Before(j.RunAt) {
						j.RunAt = at
					}
					return
				}
			}
			q.last++
			q.jobs = append(q.jobs, queue.Job{ID: q.last, Kind: it.Args.Kind(), Args: args, Key: it.Options.Key, Unique: it.Options.Unique, RunAt: at, CreatedAt: q.clock.Now()})
		})
	}
	return nil
}

func (q *handQueue) take() (queue.Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.jobs, func(a, b queue.Job) int { return cmp.Or(a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID)) })
	if len(q.jobs) == 0 || q.jobs[0].RunAt.After(q.clock.Now()) {
		return queue.Job{}, false
	}
	first := 0
	if q.pick != nil {
		now, due := q.clock.Now(), q.jobs
		if i := slices.IndexFunc(due, func(j queue.Job) bool { return j.RunAt.After(now) }); i >= 0 {
			due = due[:i]
		}
		first = q.pick(due)
	}
	j := q.jobs[first]
	q.jobs = slices.Delete(q.jobs, first, first+1)
	j.Attempt++
	return j, true
}

func (q *handQueue) put(j queue.Job, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.RunAt = at
	q.jobs = append(q.jobs, j)
}

func (q *handQueue) nextAt() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var first time.Time
	for _, j := range q.jobs {
		if first.IsZero() || j.RunAt.Before(first) {
			first = j.RunAt
		}
	}
	return first, !first.IsZero()
}

// configs is a configuration that tests set.
type configs struct {
	c     config.Repository
	known bool
	loads int
}

func (c *configs) InForce(context.Context, int64) (config.Repository, bool, error) {
	if !c.known {
		return config.Repository{}, false, nil
	}
	return c.c, true, nil
}

func (c *configs) Load(context.Context, queue.Repo) (config.Repository, error) {
	c.loads++
	c.known = true
	return c.c, nil
}

// actions is a host whose journal outlives the engine.
type actions struct {
	mu      sync.Mutex
	journal map[string]action.Result
	exit    map[string]int // by action; -1: the host knows no such action, -2: it cannot start it
	ran     []string
	lose    bool // the host dies while the action runs
}

func (a *actions) Run(_ context.Context, r action.Request) (action.Result, error) {
	id, name := r.ID, r.Name
	a.mu.Lock()
	defer a.mu.Unlock()
	exit := a.exit[name]
	if exit == -2 {
		return action.Result{State: action.NotStarted, Reason: "cannot fork", EndedAt: time.Unix(100, 0)}, nil
	}
	if exit < 0 {
		return action.Result{State: action.NotStarted}, fmt.Errorf("%w: %s", action.ErrNoAction, name)
	}
	a.ran = append(a.ran, id)
	res := action.Result{State: action.Succeeded, ExitCode: exit, Output: []byte("synced <b>3</b> items"), StartedAt: time.Unix(100, 0), EndedAt: time.Unix(103, 0)}
	if exit != 0 {
		res.State = action.Failed
	}
	if a.lose {
		res = action.Result{State: action.Unknown}
	}
	a.journal[id] = res
	return res, nil
}

func (a *actions) Resolve(_ context.Context, id, _ string) (action.Result, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r, ok := a.journal[id]; ok {
		return r, nil
	}
	return action.Result{State: action.NotStarted}, nil
}

func (a *actions) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ran)
}

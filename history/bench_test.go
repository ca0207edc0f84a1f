package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	jobs   = "jobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
	hourly = ".github/workflows/hourly.yml"
	pushed = ".github/workflows/pushed.yml"
	other  = ".github/workflows/other.yml" // not watched
	second = ".github/workflows/fallback.yml"
)

func files(cron string) map[string]string {
	return map[string]string{
		hourly: "name: Hourly\non: {schedule: [{cron: '" + cron + "'}], workflow_dispatch: {}}\n" + jobs,
		pushed: "name: Pushed\non: {push: {}}\n" + jobs,
		other:  "name: Other\non: {push: {}}\n" + jobs,
		second: "name: Fallback\non: {workflow_dispatch: {}}\n" + jobs,
	}
}

// bench is a history on a real store, with the real engine and a double of
// GitHub, and a queue that is worked off by hand.
type bench struct {
	*testing.T
	ctx     context.Context
	gh      *githubtest.Server
	repo    *githubtest.Repo
	at      queue.Repo
	clock   *clockwork.FakeClock
	store   *store.Store
	queue   *handQueue
	clients *githubapi.Clients
	engine  *fallback.Engine
	*History
}

func newBench(t *testing.T, cfg githubtest.Config) *bench {
	t.Helper()
	b := &bench{T: t, clock: clockwork.NewFakeClockAt(time.Date(2026, 6, 1, 0, 30, 0, 0, time.UTC)), ctx: zerolog.New(zerolog.NewTestWriter(t)).WithContext(context.Background())}
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
	b.queue = &handQueue{clock: b.clock}
	if b.repo, err = b.gh.AddRepo("acme", "site", files("0 * * * *")); err != nil {
		t.Fatal(err)
	}
	b.at = queue.Repo{InstallationID: b.gh.Install("acme"), ID: b.repo.ID, Owner: "acme", Name: "site"}
	b.cover(b.at)
	b.restart()
	t.Cleanup(func() {
		b.engine.Close()
		for _, v := range b.gh.Violations() {
			t.Errorf("GitHub would not take this: %s", v)
		}
	})
	return b
}

// cover puts a repository on record as the installation's sync does.
func (b *bench) cover(repos ...queue.Repo) {
	b.Helper()
	b.update(func(ctx context.Context, tx *store.Tx) error {
		for _, r := range repos {
			i := store.Installation{ID: r.InstallationID, Account: r.Owner, State: store.InstallationActive, Permissions: "{}"}
			if _, _, err := store.SaveInstallation(ctx, tx, i); err != nil {
				return err
			}
			row := store.Repository{ID: r.ID, InstallationID: r.InstallationID, Owner: r.Owner, Name: r.Name, DefaultBranch: "main"}
			if _, err := store.SaveRepositories(ctx, tx, []store.Repository{row}); err != nil {
				return err
			}
		}
		return nil
	})
}

// restart is a new process on the same database.
func (b *bench) restart() {
	if b.engine != nil {
		b.engine.Close()
	}
	c := config.Repository{Version: 1, Workflows: []config.Workflow{{File: hourly}, {File: pushed}}}
	bot := func() string { return "redundancy[bot]" }
	b.engine = fallback.New(fallback.Config{
		Store: b.store, Queue: b.queue, Clock: b.clock, Clients: b.clients, Configs: inForce{c}, Publisher: &checkrun.Publisher{AppID: b.gh.AppID},
		BotLogin: bot, Registerer: prometheus.NewRegistry(), Log: zerolog.Nop(),
	})
	b.History = New(Config{Store: b.store, Queue: b.queue, Clients: b.clients, Engine: b.engine, Clock: b.clock, BotLogin: bot, Registerer: prometheus.NewRegistry()})
}

// enrol puts the workflows of repositories under watch, from now on.
func (b *bench) enrol(cron string, repos ...queue.Repo) {
	b.Helper()
	b.enrolOnly(cron, []string{hourly, pushed}, repos...)
}

func (b *bench) enrolOnly(cron string, paths []string, repos ...queue.Repo) {
	b.Helper()
	c, facts := config.Repository{Version: 1}, map[string]config.WorkflowFacts{}
	for _, path := range paths {
		c.Workflows = append(c.Workflows, config.Workflow{File: path})
		f, err := config.ReadWorkflow(path, []byte(files(cron)[path]))
		if err != nil {
			b.Fatal(err)
		}
		facts[path] = f
	}
	b.update(func(ctx context.Context, tx *store.Tx) error {
		for _, r := range repos {
			if err := errors.Join(b.engine.Enrol(ctx, tx, r, c, facts), b.Enrolled(ctx, tx, r)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) update(f func(context.Context, *store.Tx) error) {
	b.Helper()
	if err := b.store.Update(b.ctx, f); err != nil {
		b.Fatal(err)
	}
}

// run makes a run that takes a minute. "" leaves it in progress.
func (b *bench) run(workflow, event, conclusion string) *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(workflow, event)
	if err == nil {
		err = x.Progress()
	}
	if err == nil && conclusion != "" {
		b.clock.Advance(time.Minute)
		err = x.Complete(conclusion)
	}
	if err != nil {
		b.Fatal(err)
	}
	return x
}

// work does everything of ours that is due, and gives what was handed to others.
func (b *bench) work() (others []queue.Job) {
	b.Helper()
	for turns := 0; ; turns++ {
		if turns > 500 {
			b.Fatal("the queue does not come to rest")
		}
		job, ok := b.queue.take()
		if !ok {
			return others
		}
		w, ours := b.Workers()[job.Kind]
		if !ours {
			others = append(others, job)
			for _, id := range observed([]queue.Job{job}) {
				b.update(func(ctx context.Context, tx *store.Tx) error { return tx.Account(ctx, b.repo.ID, id) })
			}
			continue
		}
		err := w.Work(b.ctx, job)
		var snooze *queue.SnoozeError
		switch {
		case errors.As(err, &snooze):
			job.RunAt = snooze.Until
			b.queue.put(job)
		case err != nil:
			b.Fatalf("%s: %v", job.Kind, err)
		}
	}
}

// pass lets time pass, with the work of ours that falls due on the way.
func (b *bench) pass(d time.Duration) (others []queue.Job) {
	b.Helper()
	for end := b.clock.Now().Add(d); ; {
		others = append(others, b.work()...)
		next := b.queue.next()
		if next.IsZero() || next.After(end) {
			b.clock.Advance(end.Sub(b.clock.Now()))
			return append(others, b.work()...)
		}
		b.clock.Advance(next.Sub(b.clock.Now()))
	}
}

// observed are the runs that jobs ask for, in order.
func observed(jobs []queue.Job) []int64 {
	ids := []int64{}
	for _, j := range jobs {
		var a queue.ObserveRun
		if j.Kind == a.Kind() && json.Unmarshal(j.Args, &a) == nil {
			ids = append(ids, a.RunID)
		}
	}
	return ids
}

func count(jobs []queue.Job, a queue.Args) (n int) {
	for _, j := range jobs {
		if j.Kind == a.Kind() {
			n++
		}
	}
	return n
}

func (b *bench) watch(path string) store.Watch {
	b.Helper()
	w, ok, err := store.ReadWatch(b.ctx, b.store.Read(), b.repo.ID, path)
	if err != nil || !ok {
		b.Fatal(path, ok, err)
	}
	return w
}

func (b *bench) scan() store.Scan {
	b.Helper()
	s, ok, err := store.ReadScan(b.ctx, b.store.Read(), b.repo.ID)
	if err != nil || !ok {
		b.Fatal("no scan", ok, err)
	}
	return s
}

func (b *bench) incidents() int {
	b.Helper()
	list, err := store.Incidents(b.ctx, b.store.Read(), store.IncidentFilter{Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	return len(list)
}

type inForce struct{ c config.Repository }

func (f inForce) InForce(context.Context, int64) (config.Repository, bool, error) {
	return f.c, true, nil
}

func (f inForce) Load(context.Context, queue.Repo) (config.Repository, error) { return f.c, nil }

// handQueue keeps jobs like the embedded queue, and runs none by itself.
type handQueue struct {
	clock *clockwork.FakeClock
	mu    sync.Mutex
	jobs  []queue.Job
	last  int64
}

func (q *handQueue) Enqueue(_ context.Context, tx *store.Tx, items ...queue.Item) error {
	for _, it := range items {
		args, err := json.Marshal(it.Args)
		if err != nil {
			return err
		}
		tx.OnCommit(func() {
			q.put(queue.Job{Kind: it.Args.Kind(), Args: args, Key: it.Options.Key, Unique: it.Options.Unique, RunAt: it.Options.RunAt})
		})
	}
	return nil
}

func (q *handQueue) put(j queue.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.clock.Now(); j.RunAt.Before(now) {
		j.RunAt = now
	}
	for i := range q.jobs {
		if k := &q.jobs[i]; k.Unique != "" && k.Unique == j.Unique {
			if j.RunAt.Before(k.RunAt) {
				k.RunAt = j.RunAt
			}
			return
		}
	}
	q.last++
	j.ID = q.last
	q.jobs = append(q.jobs, j)
}

func (q *handQueue) take() (queue.Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.jobs, func(a, b queue.Job) int { return cmp.Or(a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID)) })
	if len(q.jobs) == 0 || q.jobs[0].RunAt.After(q.clock.Now()) {
		return queue.Job{}, false
	}
	j := q.jobs[0]
	q.jobs = q.jobs[1:]
	return j, true
}

// next is when the next job of the queue is due; the zero time when none is.
func (q *handQueue) next() (at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if at.IsZero() || j.RunAt.Before(at) {
			at = j.RunAt
		}
	}
	return at
}

func (q *handQueue) drop(kind string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, func(j queue.Job) bool { return j.Kind == kind })
}

package fallback

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

// live is the engine on the embedded queue with webhooks, by the wall clock.
type live struct {
	*testing.T
	gh     *githubtest.Server
	repo   *githubtest.Repo
	store  *store.Store
	queue  atomic.Pointer[embedded.Queue]
	engine *Engine
	api    *githubapi.Clients
	host   *actions
	flow   config.Workflow
	at     queue.Repo
	ctx    context.Context
}

func newLive(t *testing.T, flow config.Workflow) *live {
	l := &live{T: t, flow: flow, host: &actions{journal: map[string]action.Result{}, exit: map[string]int{}}, ctx: context.Background()}
	var err error
	if l.gh, err = githubtest.Start(githubtest.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.gh.Close() })
	if l.repo, err = l.gh.AddRepo("acme", "site", workflows); err != nil {
		t.Fatal(err)
	}
	l.at = queue.Repo{InstallationID: l.gh.Install("acme"), ID: l.repo.ID, Owner: "acme", Name: "site"}
	if l.api, err = githubapi.New(githubapi.Config{BaseURL: l.gh.URL(), AppID: l.gh.AppID, PrivateKey: l.gh.PrivateKeyPEM()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.api.Close)
	if l.store, err = store.Open(l.ctx, "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.store.Close() })
	l.start()
	t.Cleanup(func() { l.stop() })
	hook := httptest.NewServer(http.HandlerFunc(l.hook))
	t.Cleanup(hook.Close)
	l.gh.SetHook(hook.URL)
	return l
}

func (l *live) start() {
	l.Helper()
	clock := clockwork.NewRealClock()
	q, err := embedded.New(embedded.Config{Store: l.store, Clock: clock, Log: zerolog.New(zerolog.NewTestWriter(l)), Classify: githubapi.Classify(clock)})
	if err != nil {
		l.Fatal(err)
	}
	l.queue.Store(q)
	l.engine = New(Config{
		Store: l.store, Queue: q, Clock: clock, Clients: l.api, Publisher: &checkrun.Publisher{AppID: l.gh.AppID}, Actions: l.host, Scale: 100,
		Configs:  &configs{known: true, c: config.Repository{Workflows: []config.Workflow{l.flow}}},
		BotLogin: func() string { return "redundancy[bot]" },
	})
	for kind, w := range l.engine.Workers() {
		q.Handle(kind, w)
	}
	q.Handle(queue.RefreshReplies{}.Kind(), queue.Worker{Work: func(context.Context, queue.Job) error { return nil }})
	if err := q.Start(l.ctx); err != nil {
		l.Fatal(err)
	}
	if err := l.engine.Resume(l.ctx); err != nil {
		l.Fatal(err)
	}
}

func (l *live) stop() {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
	defer cancel()
	if err := l.queue.Load().Drain(ctx); err != nil {
		l.Error(err)
	}
	l.engine.Close()
}

// hook is the way of a webhook as far as the engine is concerned.
func (l *live) hook(w http.ResponseWriter, r *http.Request) {
	var e struct {
		Run struct{ ID int64 } `json:"workflow_run"`
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Header.Get("X-GitHub-Event") != "workflow_run" {
		return
	}
	err := l.store.Update(r.Context(), func(ctx context.Context, tx *store.Tx) error {
		return l.queue.Load().Enqueue(ctx, tx, queue.ObserveRun{Repo: l.at, RunID: e.Run.ID}.Item())
	})
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (l *live) wait(what string, done func() bool) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
	defer cancel()
	if err := l.gh.Wait(ctx, done); err != nil {
		l.Fatalf("wait for %s: %v", what, err)
	}
}

// The whole way with webhooks and the real queue: three rungs, of which the
// last one works.
func TestOnTheEmbeddedQueue(t *testing.T) {
	l := newLive(t, config.Workflow{File: primaryPath, Recover: []config.Step{rerun, dispatch, event}})
	l.gh.SetRunner(func(x *githubtest.Run) string {
		if x.Event == "repository_dispatch" {
			return "success"
		}
		return "failure"
	})
	x, err := l.repo.StartRun(primaryPath, "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	l.wait("the check run", func() bool {
		c, ok := l.repo.CheckRun(x.HeadSHA, CheckName(primaryPath))
		return ok && c.Conclusion == "success"
	})
	list, err := l.engine.Incidents(l.ctx, Filter{})
	if err != nil || len(list) != 1 || list[0].State != Recovered {
		t.Fatalf("%+v %v", list, err)
	}
	if n := len(l.repo.CheckRuns(x.HeadSHA)); n != 1 {
		t.Errorf("%d check runs", n)
	}
	got := map[string]int{}
	for kind, op := range operation {
		got[kind] = l.gh.Effects(op)
	}
	if diff := cmp.Diff(map[string]int{kindRerun: 1, kindDispatch: 1, kindRepositoryDispatch: 1}, got); diff != "" {
		t.Error(diff)
	}
	for _, v := range l.gh.Violations() {
		t.Error(v)
	}
}

// The process is stopped and started in the middle of everything, again and
// again. No effect happens twice, and the incident ends.
func TestRestartsOnTheEmbeddedQueue(t *testing.T) {
	l := newLive(t, config.Workflow{File: primaryPath, Recover: []config.Step{rerun, dispatch, local}})
	l.gh.SetRunner(func(*githubtest.Run) string { return "failure" })
	x, err := l.repo.StartRun(primaryPath, "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	for calls := 5; calls <= 25; calls += 5 {
		l.wait("more calls, or the end", func() bool {
			c, ok := l.repo.CheckRun(x.HeadSHA, CheckName(primaryPath))
			return len(l.gh.Calls()) >= calls || ok && c.Conclusion == "success"
		})
		ended, cancel := context.WithCancel(l.ctx)
		cancel() // no patience: jobs are cancelled wherever they are
		_ = l.queue.Load().Drain(ended)
		l.engine.Close()
		l.start()
	}
	l.wait("the check run", func() bool {
		c, ok := l.repo.CheckRun(x.HeadSHA, CheckName(primaryPath))
		return ok && c.Conclusion == "success"
	})
	got := map[string]int{kindRerun: l.gh.Effects(operation[kindRerun]), kindDispatch: l.gh.Effects(operation[kindDispatch]), kindRun: l.host.count()}
	if diff := cmp.Diff(map[string]int{kindRerun: 1, kindDispatch: 1, kindRun: 1}, got); diff != "" {
		t.Error(diff)
	}
}

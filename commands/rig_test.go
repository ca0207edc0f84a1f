package commands

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

var update = flag.Bool("update", false, "rewrite the goldens")

const bot = "redundancy[bot]"

// fakeEngine stands for the recovery engine; it counts what it is asked.
type fakeEngine struct {
	asked   []queue.Recover
	answer  fallback.Answer
	status  fallback.RepositoryStatus
	pauses  []fallback.PauseRequest
	resumes []fallback.ResumeRequest
	story   []string
	errs    []error // of the next calls, nil for none
}

func (e *fakeEngine) next() error {
	if len(e.errs) == 0 {
		return nil
	}
	err := e.errs[0]
	e.errs = e.errs[1:]
	return err
}

func (e *fakeEngine) Recover(_ context.Context, r queue.Recover) (fallback.Answer, error) {
	e.asked = append(e.asked, r)
	return e.answer, e.next()
}

func (e *fakeEngine) Pause(_ context.Context, r fallback.PauseRequest) (fallback.Answer, error) {
	e.pauses = append(e.pauses, r)
	return e.answer, e.next()
}

func (e *fakeEngine) Unpause(_ context.Context, r fallback.ResumeRequest) (fallback.Answer, error) {
	e.resumes = append(e.resumes, r)
	return e.answer, e.next()
}

func (e *fakeEngine) Explain(context.Context, int64) ([]string, bool, error) {
	return e.story, e.story != nil, e.next()
}

func (e *fakeEngine) Status(context.Context, int64) (fallback.RepositoryStatus, error) {
	return e.status, e.next()
}

// recorder keeps what was enqueued and committed.
type recorder struct{ items []queue.Item }

func (r *recorder) Enqueue(_ context.Context, tx *store.Tx, items ...queue.Item) error {
	tx.OnCommit(func() { r.items = append(r.items, items...) })
	return nil
}

type rig struct {
	t        *testing.T
	gh       *githubtest.Server
	site     *githubtest.Repo
	repo     queue.Repo
	store    *store.Store
	clients  *githubapi.Clients
	engine   fakeEngine
	jobs     recorder
	clock    *clockwork.FakeClock
	worker   *Worker
	registry *prometheus.Registry
}

// migrated is an empty database: most of the time of a test would go into the
// migrations, many times over with the race detector.
var migrated = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "redundancy-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "test.db")
	db, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		panic(err)
	}
	if err := db.Close(); err != nil {
		panic(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return data
})

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, registry: prometheus.NewRegistry(), clock: clockwork.NewFakeClockAt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	r.gh = must(githubtest.Start(githubtest.Config{}))(t)
	t.Cleanup(func() {
		for _, v := range r.gh.Violations() {
			t.Errorf("GitHub would refuse: %s", v)
		}
		if err := r.gh.Close(); err != nil {
			t.Error(err)
		}
	})
	r.site = must(r.gh.AddRepo("acme", "site", map[string]string{"README.md": "site\n"}))(t)
	r.repo = queue.Repo{InstallationID: r.gh.Install("acme"), ID: r.site.ID, Owner: "acme", Name: "site"}
	r.gh.SetPermission(r.site, "alice", "write")
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, migrated(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.store = must(store.Open(t.Context(), "sqlite:"+path))(t)
	t.Cleanup(func() {
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	r.clients = must(githubapi.New(githubapi.Config{BaseURL: r.gh.URL(), AppID: r.gh.AppID, PrivateKey: r.gh.PrivateKeyPEM()}))(t)
	r.worker = New(Config{
		Store: r.store, Queue: &r.jobs, Clock: r.clock, Clients: r.clients, Engine: &r.engine,
		BotLogin: func() string { return bot }, Registerer: r.registry,
	})
	return r
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// says writes a comment as login and gives its job.
func (r *rig) says(login string, number int, body string) queue.RunCommand {
	r.t.Helper()
	id := must(r.site.Comment(number, login, body))(r.t)
	return queue.RunCommand{Repo: r.repo, Number: number, CommentID: id, Author: login, Body: body, DeliveryID: "guid-1"}
}

// try runs one attempt of a job.
func (r *rig) try(args queue.Args, attempt int) error {
	r.t.Helper()
	data := must(json.Marshal(args))(r.t)
	job := queue.Job{Kind: args.Kind(), Args: data, Attempt: attempt, MaxAttempts: queue.DefaultMaxAttempts}
	return r.worker.Workers()[args.Kind()].Work(r.t.Context(), job)
}

// runs runs a job that must succeed at once.
func (r *rig) runs(args queue.Args) {
	r.t.Helper()
	if err := r.try(args, 1); err != nil {
		r.t.Fatal(err)
	}
}

// replies are the App's comments in a thread.
func (r *rig) replies(number int) []githubtest.Comment {
	return slices.DeleteFunc(r.site.Comments(number), func(c githubtest.Comment) bool { return c.Author != bot })
}

// reply is the App's only comment in a thread.
func (r *rig) reply(number int) githubtest.Comment {
	r.t.Helper()
	list := r.replies(number)
	if len(list) != 1 {
		r.t.Fatalf("%d replies, want 1: %+v", len(list), list)
	}
	return list[0]
}

// reactions are those on a comment, in their order.
func (r *rig) reactions(args queue.RunCommand) []string {
	var out []string
	for _, c := range r.site.Comments(args.Number) {
		if c.ID == args.CommentID {
			for _, x := range c.Reactions {
				out = append(out, x.Content)
			}
		}
	}
	return out
}

func (r *rig) wantReactions(args queue.RunCommand, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.reactions(args)); diff != "" {
		r.t.Errorf("reactions (-want +got):\n%s", diff)
	}
}

// golden compares text with a file, without the double's changing address.
func (r *rig) golden(name, got string) {
	r.t.Helper()
	got = strings.ReplaceAll(got, r.gh.URL(), "https://github.example") + "\n"
	path := filepath.Join("testdata", name+".md")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// incident opens an incident of marketing-sync in a state.
func (r *rig) incident(state, reason string) int64 {
	r.t.Helper()
	inc := store.Incident{
		OccurrenceKey: "key", InstallationID: r.repo.InstallationID, RepoID: r.repo.ID, Owner: "acme", Repo: "site",
		WorkflowPath: ".github/workflows/marketing-sync.yml", RunID: 900, RunURL: "https://github.example/acme/site/actions/runs/900",
		State: state, Reason: reason, CheckRunID: 31, Ladder: "{}",
	}
	r.update(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.OpenIncident(ctx, &inc)
		return err
	})
	return inc.ID
}

func (r *rig) update(f func(context.Context, *store.Tx) error) {
	r.t.Helper()
	if err := r.store.Update(r.t.Context(), f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) move(id int64, state, reason string) {
	r.t.Helper()
	r.update(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.NewRaw("UPDATE incidents SET state = ?, reason = ? WHERE id = ?", state, reason, id).Exec(ctx)
		return err
	})
}

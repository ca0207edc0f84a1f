package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	appID = 4242
	sha   = "5bd5f196a46b8222fb7484f05faba41a73cf34bd"
)

var site = queue.Repo{InstallationID: 7, ID: 42, Owner: "acme", Name: "site"}

// fields lays values over a payload, by dotted path.
type fields map[string]any

// addressed makes a payload one of acme/site.
var addressed = fields{
	"installation.id": 7, "repository.id": 42, "repository.name": "site", "repository.full_name": "acme/site",
	"repository.default_branch": "main", "sender.login": "alice", "sender.type": "User",
}

// example reads GitHub's own example of an event and lays fields over it.
func example(t testing.TB, event string, layers ...fields) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", event+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		// Longest first, so that {"a.b": 1, "a": null} means null.
		paths := slices.SortedFunc(maps.Keys(layer), func(a, b string) int { return len(b) - len(a) })
		for _, path := range paths {
			set(doc, strings.Split(path, "."), layer[path])
		}
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func set(doc map[string]any, path []string, value any) {
	if len(path) == 1 {
		doc[path[0]] = value
		return
	}
	child, ok := doc[path[0]].(map[string]any)
	if !ok {
		child = map[string]any{}
		doc[path[0]] = child
	}
	set(child, path[1:], value)
}

// recorder keeps what was enqueued and committed.
type recorder struct{ items []queue.Item }

func (r *recorder) Enqueue(_ context.Context, tx *store.Tx, items ...queue.Item) error {
	tx.OnCommit(func() { r.items = append(r.items, items...) })
	return nil
}

type fakeRuns struct {
	watched map[string]bool
	unread  bool
	tracked map[int64]bool
	err     error
	seen    []store.WorkflowRun
}

func (f *fakeRuns) Seen(_ context.Context, _ *store.Tx, repo queue.Repo, run store.WorkflowRun) error {
	f.seen = append(f.seen, run)
	if repo.ID != site.ID || repo.InstallationID != site.InstallationID {
		return fmt.Errorf("seen in %v", repo)
	}
	return nil
}

func (f *fakeRuns) Watches(_ context.Context, repoID int64, path string) (watched, known bool, err error) {
	if repoID != site.ID || f.unread {
		return false, false, f.err
	}
	return f.watched[path], true, f.err
}

func (f *fakeRuns) Tracks(_ context.Context, repoID, runID int64) (bool, error) {
	return repoID == site.ID && f.tracked[runID], f.err
}

type bench struct {
	store    *store.Store
	clock    *clockwork.FakeClock
	queue    recorder
	runs     fakeRuns
	self     string
	log      bytes.Buffer
	registry *prometheus.Registry
	handlers map[string]githubapp.EventHandler
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

func newBench(t testing.TB) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, migrated(), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{self: "redundancy[bot]", store: db, clock: clockwork.NewFakeClock(), registry: prometheus.NewRegistry(), handlers: map[string]githubapp.EventHandler{}}
	b.runs = fakeRuns{watched: map[string]bool{}, tracked: map[int64]bool{}}
	for _, h := range All(Config{
		Store: db, Queue: &b.queue, Clock: b.clock, Runs: &b.runs, AppID: appID,
		BotLogin: func() string { return b.self }, Registerer: b.registry,
	}) {
		for _, event := range h.Handles() {
			if b.handlers[event] != nil {
				t.Fatalf("two handlers of %s: the dispatcher would use the first alone", event)
			}
			b.handlers[event] = h
		}
	}
	return b
}

// send handles a payload and gives what it enqueued.
func (b *bench) send(t testing.TB, event string, payload []byte) []queue.Item {
	t.Helper()
	b.queue.items = nil
	ctx := zerolog.New(&b.log).WithContext(t.Context())
	if err := b.handlers[event].Handle(ctx, event, "guid-1", payload); err != nil {
		t.Fatalf("handle %s: %v", event, err)
	}
	return b.queue.items
}

// write changes the store.
func (b *bench) write(t *testing.T, f func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := b.store.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// rows are a table of payloads and what they must enqueue.
type rows map[string]struct {
	fields fields
	want   []queue.Item
}

func (r rows) run(t *testing.T, event string, prepare func(*testing.T, *bench)) {
	t.Helper()
	b := newBench(t)
	if prepare != nil {
		prepare(t, b)
	}
	for name, row := range r {
		t.Run(name, func(t *testing.T) {
			got := b.send(t, event, example(t, event, addressed, row.fields))
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("enqueued (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSurvivesAnything(t *testing.T) {
	b := newBench(t)
	for event := range b.handlers {
		for name, payload := range map[string]string{
			"empty":            ``,
			"null":             `null`,
			"array":            `[]`,
			"text":             `"push"`,
			"empty object":     `{}`,
			"unknown action":   `{"action":"dreamt"}`,
			"everything null":  `{"action":null,"installation":null,"repository":null,"sender":null,"check_run":null,"check_suite":null,"workflow_run":null,"workflow":null,"pull_request":null,"issue":null,"comment":null,"client_payload":null,"commits":null,"repositories":null,"repositories_added":null}`,
			"wrong types":      `{"action":1,"installation":"x","repository":[]}`,
			"huge id":          `{"installation":{"id":99999999999999999999}}`,
			"truncated":        `{"action":"created","installation":{"id":1`,
			"no address":       `{"action":"completed","installation":{"id":0},"repository":{"id":0,"full_name":"/"}}`,
			"null in a list":   `{"commits":[null],"repositories":[null],"repositories_added":[null]}`,
			"negative numbers": `{"action":"created","installation":{"id":-1},"repository":{"id":-2,"full_name":"a/b"}}`,
		} {
			t.Run(event+"/"+name, func(t *testing.T) {
				if got := b.send(t, event, []byte(payload)); len(got) != 0 {
					t.Errorf("enqueued %v", got)
				}
			})
		}
	}
}

func TestWithoutInstallationNothingIsEnqueued(t *testing.T) {
	b := newBench(t)
	for event := range b.handlers {
		t.Run(event, func(t *testing.T) {
			if got := b.send(t, event, example(t, event, addressed, fields{"installation": nil})); len(got) != 0 {
				t.Errorf("enqueued %v", got)
			}
		})
	}
}

func TestDecisionsAreCountedAndLogged(t *testing.T) {
	b := newBench(t)
	b.send(t, "push", example(t, "push", addressed, fields{"ref": "refs/heads/topic", "after": sha}))
	b.send(t, "push", example(t, "push", addressed, fields{"ref": "refs/tags/v1"}))
	b.send(t, "push", []byte(`[]`))
	want := `
# HELP redundancy_events_total Handled webhook events by what was decided: enqueued, ignored or malformed.
# TYPE redundancy_events_total counter
redundancy_events_total{decision="enqueued",event="push"} 1
redundancy_events_total{decision="ignored",event="push"} 1
redundancy_events_total{decision="malformed",event="push"} 1
`
	if err := testutil.GatherAndCompare(b.registry, strings.NewReader(want), "redundancy_events_total"); err != nil {
		t.Error(err)
	}
	for _, part := range []string{`"delivery_id":"guid-1"`, `"installation_id":7`, `"repo":"acme/site"`, `"why":"not a branch"`} {
		if !strings.Contains(b.log.String(), part) {
			t.Errorf("log lacks %s:\n%s", part, b.log.String())
		}
	}
}

func TestErrorsOfTheEngineAreReturned(t *testing.T) {
	b := newBench(t)
	b.runs.err = os.ErrDeadlineExceeded
	payload := example(t, "workflow_run", addressed, failedRun)
	err := b.handlers["workflow_run"].Handle(t.Context(), "workflow_run", "guid-1", payload)
	if err == nil || len(b.queue.items) != 0 {
		t.Errorf("error %v, enqueued %v: want an error, so that the delivery is handled again", err, b.queue.items)
	}
}

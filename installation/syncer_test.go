package installation

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// hub is a GitHub that knows installations and their repositories.
type hub struct {
	mu            sync.Mutex
	installations map[int64]map[string]any
	repos         map[int64][]map[string]any
	totalOff      int // what the count is larger than the list
	refuseToken   int // status of minting, 0: fine
	tokens        int
}

func (h *hub) set(f func()) { h.mu.Lock(); defer h.mu.Unlock(); f() }

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := func(v any) { json.NewEncoder(w).Encode(v) }
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/access_tokens"):
		if h.refuseToken != 0 {
			w.WriteHeader(h.refuseToken)
			answer(map[string]any{"message": "This installation has been suspended"})
			return
		}
		h.tokens++
		w.WriteHeader(http.StatusCreated)
		id := strings.Split(path, "/")[3]
		answer(map[string]any{"token": "ghs_" + id, "expires_at": time.Now().Add(time.Hour)})
	case path == "/app/installations":
		var all []map[string]any
		for _, i := range h.installations {
			all = append(all, i)
		}
		slices.SortFunc(all, func(a, b map[string]any) int { return int(a["id"].(int64) - b["id"].(int64)) })
		answer(page(w, r, all))
	case strings.HasPrefix(path, "/app/installations/"):
		id, _ := strconv.ParseInt(strings.Split(path, "/")[3], 10, 64)
		if h.installations[id] == nil {
			w.WriteHeader(http.StatusNotFound)
			answer(map[string]any{"message": "Not Found"})
			return
		}
		answer(h.installations[id])
	case path == "/installation/repositories":
		id, _ := strconv.ParseInt(strings.TrimPrefix(r.Header.Get("Authorization"), "token ghs_"), 10, 64)
		answer(map[string]any{"total_count": len(h.repos[id]) + h.totalOff, "repositories": page(w, r, h.repos[id])})
	default:
		w.WriteHeader(http.StatusTeapot)
	}
}

func page(w http.ResponseWriter, r *http.Request, all []map[string]any) []map[string]any {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	n = max(n, 1)
	if end := n * size; end < len(all) {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, n+1))
		return all[(n-1)*size : end]
	}
	return all[min(len(all), (n-1)*size):]
}

func installed(id int64, change ...func(map[string]any)) map[string]any {
	i := map[string]any{"id": id, "account": map[string]any{"login": "acme", "type": "Organization"}, "repository_selection": "all", "permissions": map[string]any{"checks": "write"}}
	for _, c := range change {
		c(i)
	}
	return i
}

func repository(id int64, name string) map[string]any {
	return map[string]any{"id": id, "name": name, "owner": map[string]any{"login": "acme"}, "default_branch": "main"}
}

// recorder keeps what was enqueued by transactions that were committed.
type recorder struct {
	mu    sync.Mutex
	items []queue.Item
}

func (r *recorder) Enqueue(_ context.Context, tx *store.Tx, items ...queue.Item) error {
	tx.OnCommit(func() { r.mu.Lock(); defer r.mu.Unlock(); r.items = append(r.items, items...) })
	return nil
}

// take gives the unique keys of what was enqueued since the last call, sorted.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := []string{}
	for _, i := range r.items {
		keys = append(keys, i.Options.Unique)
	}
	r.items = nil
	slices.Sort(keys)
	return keys
}

type fixture struct {
	t     *testing.T
	hub   *hub
	store *store.Store
	queue *recorder
	sync  *Syncer
	clock *clockwork.FakeClock
	reg   *prometheus.Registry
}

func setup(t *testing.T) *fixture {
	f := &fixture{t: t, hub: &hub{installations: map[int64]map[string]any{}, repos: map[int64][]map[string]any{}}, queue: &recorder{}, clock: clockwork.NewFakeClock(), reg: prometheus.NewRegistry()}
	srv := httptest.NewServer(f.hub)
	t.Cleanup(srv.Close)
	var err error
	if f.store, err = store.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.store.Close() })
	clients, err := githubapi.New(githubapi.Config{BaseURL: srv.URL, AppID: 1, PrivateKey: testKey(), Clock: f.clock,
		OnDormant: func(id int64) { f.sync.Dormant(id) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	f.sync = New(Config{Clients: clients, Store: f.store, Queue: f.queue, Log: zerolog.Nop(), Clock: f.clock, Registerer: f.reg})
	return f
}

func (f *fixture) work(id int64) error {
	f.clock.Advance(time.Second)
	args, _ := json.Marshal(queue.SyncInstallation{InstallationID: id, DeliveryID: "d"})
	return f.sync.Work(context.Background(), queue.Job{Args: args})
}

func (f *fixture) mustWork(id int64, want ...string) {
	f.t.Helper()
	if err := f.work(id); err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(append([]string{}, want...), f.queue.take()); diff != "" {
		f.t.Errorf("enqueued (-want +got):\n%s", diff)
	}
}

func (f *fixture) state(id int64) store.InstallationState {
	f.t.Helper()
	i, _, err := f.store.Installation(context.Background(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return i.State
}

func (f *fixture) covered(id int64) []string {
	f.t.Helper()
	repos, err := f.store.Repositories(context.Background(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	names := []string{}
	for _, r := range repos {
		names = append(names, r.FullName())
	}
	return names
}

// The life of an installation, as webhooks bring it about.
func TestLife(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.repos[7] = []map[string]any{repository(1, "site"), repository(2, "tools")}

	f.mustWork(7, "config:1", "config:2") // created
	f.mustWork(7)                         // nothing new: nothing to read
	if diff := cmp.Diff([]string{"acme/site", "acme/tools"}, f.covered(7)); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}

	f.hub.set(func() { f.hub.repos[7] = []map[string]any{repository(1, "www"), repository(3, "new")} })
	f.mustWork(7, "config:3") // removed, added, renamed
	if diff := cmp.Diff([]string{"acme/new", "acme/www"}, f.covered(7)); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}

	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
		f.hub.refuseToken = http.StatusForbidden // so no token may be asked for
	})
	f.mustWork(7)
	if f.state(7) != store.InstallationSuspended {
		t.Errorf("state %s, want suspended", f.state(7))
	}
	f.hub.set(func() { f.hub.installations[7] = installed(7); f.hub.refuseToken = 0 })
	f.mustWork(7, "config:1", "config:3") // unsuspended: pushes were missed

	f.hub.set(func() { delete(f.hub.installations, 7) })
	f.mustWork(7)
	if f.state(7) != store.InstallationDeleted || len(f.covered(7)) != 0 {
		t.Errorf("state %s with %v, want deleted with none", f.state(7), f.covered(7))
	}
	f.mustWork(8) // never seen, gone: fine
}

func TestNewPermissionsNeedANewToken(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.mustWork(7)
	f.mustWork(7)
	if f.hub.tokens != 1 {
		t.Fatalf("%d tokens, want 1", f.hub.tokens)
	}
	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["permissions"] = map[string]any{"checks": "write", "actions": "write"} })
	})
	f.mustWork(7)
	if f.hub.tokens != 2 {
		t.Errorf("%d tokens, want 2: the old one lacks the new permission", f.hub.tokens)
	}
}

func TestPages(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	for i := range int64(201) {
		f.hub.repos[7] = append(f.hub.repos[7], repository(i+1, fmt.Sprintf("r%03d", i)))
	}
	if err := f.work(7); err != nil {
		t.Fatal(err)
	}
	if n := len(f.covered(7)); n != 201 {
		t.Errorf("%d repositories, want 201", n)
	}
}

// A list that shifts while it is read proves no absence.
func TestShortListRemovesNothing(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.repos[7] = []map[string]any{repository(1, "a"), repository(2, "b")}
	f.mustWork(7, "config:1", "config:2")
	f.hub.set(func() { f.hub.repos[7] = f.hub.repos[7][:1]; f.hub.totalOff = 1 })
	f.mustWork(7)
	if n := len(f.covered(7)); n != 2 {
		t.Errorf("%d repositories, want 2", n)
	}
	f.hub.set(func() { f.hub.totalOff = 0 })
	f.mustWork(7)
	if n := len(f.covered(7)); n != 1 {
		t.Errorf("%d repositories, want 1", n)
	}
}

func TestSyncAll(t *testing.T) {
	f := setup(t)
	for i := range int64(101) { // two pages
		f.hub.installations[i+1] = installed(i + 1)
	}
	if err := f.work(1); err != nil {
		t.Fatal(err)
	}
	f.hub.installations[500] = installed(500)
	if err := f.work(500); err != nil {
		t.Fatal(err)
	}
	delete(f.hub.installations, 500) // while we were down
	f.queue.take()
	if err := f.sync.SyncAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := f.queue.take()
	if len(got) != 102 || !slices.Contains(got, "installation:500") || !slices.Contains(got, "installation:101") {
		t.Errorf("enqueued %d: %v, want 101 listed ones and 500", len(got), got)
	}
}

// A request that gets no token has the installation looked at, once it sleeps no more.
func TestDormant(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.mustWork(7)
	f.hub.set(func() { f.hub.refuseToken = http.StatusForbidden })
	f.sync.Clients.Forget(7)
	client, err := f.sync.Clients.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Repositories.Get(context.Background(), "acme", "site"); !githubapi.IsDormant(err) {
		t.Fatalf("error %v, want a dormant one", err)
	}
	if diff := cmp.Diff([]string{"installation:7"}, f.queue.take()); diff != "" {
		t.Errorf("enqueued (-want +got):\n%s", diff)
	}

	// GitHub contradicts itself: active, but no token. To be retried, not dropped.
	err = f.work(7)
	if err == nil || githubapi.Classify(f.clock)(err).Action != queue.Retry {
		t.Errorf("error %v, want one that is retried", err)
	}
	if got := f.queue.take(); len(got) != 0 {
		t.Errorf("the sync enqueued itself: %v", got)
	}

	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
	})
	f.mustWork(7)
	f.sync.Dormant(7)
	if got := f.queue.take(); len(got) != 0 {
		t.Errorf("known to be suspended, and still %v", got)
	}
}

func TestBadArgumentsAreNotRetried(t *testing.T) {
	err := setup(t).sync.Work(context.Background(), queue.Job{Args: []byte(`{"installation_id":"x"}`)})
	var permanent *queue.PermanentError
	if !errors.As(err, &permanent) {
		t.Errorf("error %v, want a permanent one", err)
	}
}

func TestMetrics(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.installations[8] = installed(8, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
	f.mustWork(7)
	f.mustWork(8)
	want := `
# HELP redundancy_installations Installations of the App by state; suspended and deleted ones are dormant.
# TYPE redundancy_installations gauge
redundancy_installations{state="active"} 1
redundancy_installations{state="deleted"} 0
redundancy_installations{state="suspended"} 1
`
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "redundancy_installations"); err != nil {
		t.Error(err)
	}
}

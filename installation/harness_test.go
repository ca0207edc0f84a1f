package installation

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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
	answer := func(v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			panic(err)
		}
	}
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
	return f.sync.Work(context.Background(), job(id))
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

func job(id int64) queue.Job {
	args, err := json.Marshal(queue.SyncInstallation{InstallationID: id, DeliveryID: "d"})
	if err != nil {
		panic(err)
	}
	return queue.Job{Args: args}
}

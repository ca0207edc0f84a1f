package intake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, serveUntilKilled(path))
		os.Exit(1)
	}
	// The scheduler of the bare peer in the benchmark never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/palantir/go-githubapp/githubapp.QueueAsyncScheduler.func1"))
}

const testSecret = "It's a Secret to Everybody"

// jobTable enqueues into a table of its own, in the transaction it is given.
type jobTable struct{}

func (jobTable) Enqueue(ctx context.Context, tx *store.Tx, items ...queue.Item) error {
	for _, it := range items {
		guid := it.Args.(queue.ProcessDelivery).GUID
		if _, err := tx.Tx.Tx.ExecContext(ctx, `INSERT INTO test_jobs (guid) VALUES (?)`, guid); err != nil {
			return err
		}
	}
	return nil
}

// house is an inbox on a real database.
type house struct {
	store *store.Store
	inbox *Inbox
	reg   *prometheus.Registry
	clock clockwork.Clock
	path  string
}

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	execute(t, s, `CREATE TABLE IF NOT EXISTS test_jobs (guid TEXT)`)
	return s
}

func execute(t testing.TB, s *store.Store, query string, args ...any) {
	t.Helper()
	err := s.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Tx.Tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s *store.Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.Read().NewRaw(query, args...).Scan(context.Background(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func openHouse(t testing.TB, change ...func(*InboxConfig)) *house {
	t.Helper()
	h := &house{path: filepath.Join(t.TempDir(), "inbox.db"), reg: prometheus.NewRegistry(), clock: clockwork.NewRealClock()}
	h.store = openStore(t, h.path)
	cfg := InboxConfig{Store: h.store, Queue: jobTable{}, Clock: h.clock, Log: zerolog.Nop(), Registerer: h.reg}
	for _, c := range change {
		c(&cfg)
	}
	h.clock = cfg.Clock
	inbox, err := NewInbox(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.inbox = inbox
	t.Cleanup(func() { _ = inbox.Close(context.Background()) })
	return h
}

// workflowRun is a real payload of 17 KB, an example from github.com/octokit/webhooks (MIT).
var workflowRun = sync.OnceValue(func() []byte {
	b, err := os.ReadFile("testdata/workflow_run.json")
	if err != nil {
		panic(err)
	}
	return b
})

// outcomes is how often an outcome was counted, from what is exported.
func outcomes(t testing.TB, h *house, outcome string) (n float64) {
	t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "redundancy_webhooks_total" && m.GetLabel()[0].GetValue() == outcome {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

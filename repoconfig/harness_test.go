package repoconfig_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	workflow = "on: {workflow_dispatch: }\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n"
	good     = "version: 1\nworkflows:\n- file: sync.yml\n  recover: [{rerun: {attempts: 2}}]\n"
	better   = "version: 1\nworkflows:\n- file: sync.yml\n  recover: [{rerun: {attempts: 3}}]\n"
	broken   = "version: 1\nworkflows:\n- file: sync.yml\n  recovr: []\n"
	original = `{"githubActions": {"workflows": ["sync.yml", "gone.yml"]}}`
)

// bench is a double of GitHub with one repository, and a loader on a database.
type bench struct {
	t        *testing.T
	gh       *githubtest.Server
	repo     *githubtest.Repo
	at       queue.Repo
	db       *store.Store
	path     string
	loader   *repoconfig.Loader
	clients  *githubapi.Clients
	registry *prometheus.Registry
	clock    *clockwork.FakeClock
}

func start(t *testing.T, files map[string]string) *bench {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, gh: gh, path: filepath.Join(t.TempDir(), "r.db"), clock: clockwork.NewFakeClockAt(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))}
	t.Cleanup(func() {
		for _, v := range gh.Violations() {
			t.Error("GitHub does not know this request:", v)
		}
		_ = gh.Close()
	})
	if b.repo, err = gh.AddRepo("acme", "site", files); err != nil {
		t.Fatal(err)
	}
	b.at = queue.Repo{InstallationID: gh.Install("acme"), ID: b.repo.ID, Owner: "acme", Name: "site"}
	if b.clients, err = githubapi.New(githubapi.Config{BaseURL: gh.URL(), AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.clients.Close)
	b.open()
	return b
}

// open opens the database anew, as a restart does.
func (b *bench) open() {
	b.t.Helper()
	if b.db != nil {
		_ = b.db.Close()
	}
	db, err := store.Open(b.t.Context(), "sqlite:"+b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.db, b.registry = db, prometheus.NewRegistry()
	b.t.Cleanup(func() { _ = db.Close() })
	if b.loader, err = repoconfig.New(repoconfig.Config{Store: db, Clients: b.clients, Clock: b.clock, Registerer: b.registry}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) push(files map[string]string) string {
	b.t.Helper()
	sha, err := b.repo.Push("main", files, "change")
	if err != nil {
		b.t.Fatal(err)
	}
	return sha
}

func (b *bench) addOwnerDefault(files map[string]string) *githubtest.Repo {
	b.t.Helper()
	r, err := b.gh.AddRepo("acme", config.OwnerRepo, files)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// load runs the job as the queue would, and returns what is in force then.
func (b *bench) load() repoconfig.Effective {
	b.t.Helper()
	if err := b.work(); err != nil {
		b.t.Fatal(err)
	}
	return b.inForce()
}

func (b *bench) work() error {
	b.t.Helper()
	args, err := json.Marshal(queue.LoadConfig{Repo: b.at, DeliveryID: "d"})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.loader.Work(b.t.Context(), queue.Job{Kind: queue.LoadConfig{}.Kind(), Args: args})
}

func (b *bench) inForce() repoconfig.Effective {
	b.t.Helper()
	e, known, err := b.loader.InForce(b.t.Context(), b.at.ID)
	if err != nil || !known {
		b.t.Fatalf("known is %v, error %v", known, err)
	}
	return e
}

// attempts tells the configurations of these tests apart.
func attempts(e repoconfig.Effective) int {
	for _, w := range e.Repository.Workflows {
		for _, s := range w.Recover {
			if s.Rerun != nil {
				return s.Rerun.Attempts
			}
		}
	}
	return 0
}

package checks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/checks"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	good   = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"
	broken = "on: push\njobs:\n  a:\n    runs_on: ubuntu-latest\n    steps:\n      - run: make\n"
)

func path(name string) string { return ".github/workflows/" + name }

// bench is the worker with everything real below it, but GitHub.
type bench struct {
	gh        *githubtest.Server
	repo      *githubtest.Repo
	at        queue.Repo
	store     *store.Store
	clients   *githubapi.Clients
	clock     *clockwork.FakeClock
	metrics   *prometheus.Registry
	validator *checks.Validator
	queue     *embedded.Queue
}

func setup(t testing.TB, files map[string]string) *bench {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gh.AddRepo("acme", "site", files)
	if err != nil {
		t.Fatal(err)
	}
	installation := gh.Install("acme")
	clients, err := githubapi.New(githubapi.Config{BaseURL: gh.URL(), AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		gh: gh, repo: repo, at: queue.Repo{InstallationID: installation, ID: repo.ID, Owner: "acme", Name: "site"},
		store: s, clients: clients, clock: clockwork.NewFakeClockAt(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)),
	}
	b.restart(t)
	t.Cleanup(func() {
		for _, v := range gh.Violations() {
			t.Errorf("GitHub does not know this: %s", v)
		}
		clients.Close()
		if err := errors.Join(s.Close(), gh.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// restart is a new process on the same database.
func (b *bench) restart(t testing.TB) {
	t.Helper()
	loader, err := repoconfig.New(repoconfig.Config{Store: b.store, Clients: b.clients, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	if b.queue, err = embedded.New(embedded.Config{Store: b.store, Log: zerolog.Nop(), Workers: 2}); err != nil {
		t.Fatal(err)
	}
	b.metrics = prometheus.NewRegistry()
	b.validator = checks.New(checks.Config{
		Store: b.store, Queue: b.queue, Clients: b.clients, Publisher: &checkrun.Publisher{AppID: b.gh.AppID},
		Configurations: loader, Clock: b.clock, WebURL: b.gh.URL(), Registerer: b.metrics,
	})
}

func (b *bench) work(t testing.TB, id int64, args queue.ValidateCommit) error {
	t.Helper()
	args.Repo = b.at
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return b.validator.Work(ctx, queue.Job{ID: id, Kind: args.Kind(), Args: raw, Attempt: 1})
}

func (b *bench) must(t testing.TB, id int64, args queue.ValidateCommit) {
	t.Helper()
	if err := b.work(t, id, args); err != nil {
		t.Fatal(err)
	}
}

// only is the one Check Run of a commit.
func (b *bench) only(t testing.TB, sha string) githubtest.CheckRun {
	t.Helper()
	runs := b.repo.CheckRuns(sha)
	if len(runs) != 1 {
		t.Fatalf("%d check runs, want 1: %+v", len(runs), runs)
	}
	return runs[0]
}

func (b *bench) push(t testing.TB, files map[string]string) string {
	t.Helper()
	sha, err := b.repo.Push("main", files, "change")
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

func places(r githubtest.CheckRun) []string {
	var all []string
	for _, a := range r.Annotations {
		all = append(all, fmt.Sprintf("%s:%d:%d %s %s", a.Path, a.StartLine, a.StartColumn, a.Level, a.Title))
	}
	return all
}

func TestValidateOnce(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): broken, ".github/redundancy.yml": "version: 1\nworkflows:\n  - file: a.yml\n  - file: gone.yml\n"})
	sha := b.repo.Head("main")
	b.must(t, 1, queue.ValidateCommit{SHA: sha, DeliveryID: "push"})
	run := b.only(t, sha)
	want := []string{".github/redundancy.yml:4:11 failure config-reference", path("a.yml") + ":4:5 failure underscore-key"}
	if diff := cmp.Diff(want, places(run)); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if run.Name != "redundancy / validate" || run.Status != "completed" || run.Conclusion != "failure" || run.ExternalID != "validate/"+sha {
		t.Errorf("check run is %+v", run)
	}
	if run.Title != "The configuration is broken; 2 errors in 2 files" || !strings.Contains(run.Summary, "There is no earlier good one") {
		t.Errorf("title %q, summary %s", run.Title, run.Summary)
	}
	if !strings.Contains(run.Summary, b.gh.URL()+"/acme/site/blob/"+sha+"/.github/workflows/a.yml#L4") {
		t.Errorf("no link to the line in %s", run.Summary)
	}

	b.gh.ForgetCalls()
	b.must(t, 2, queue.ValidateCommit{SHA: sha, DeliveryID: "check_suite"})
	b.restart(t)
	b.must(t, 3, queue.ValidateCommit{SHA: sha, DeliveryID: "pull_request"})
	if calls := b.gh.Calls(); len(calls) != 0 {
		t.Errorf("a commit that has its result took %d calls", len(calls))
	}
	v, ok, err := b.store.Validation(t.Context(), b.at.ID, sha)
	if err != nil || !ok || v.CheckRunID != run.ID || v.Errors != 2 || v.Conclusion != "failure" {
		t.Errorf("record %+v, %t, %v", v, ok, err)
	}
}

func TestOnlyChangedBlobsAreRead(t *testing.T) {
	files := map[string]string{".github/redundancy.yml": "version: 1\nworkflows:\n  - file: w000.yml\n"}
	for i := range 30 {
		files[path(fmt.Sprintf("w%03d.yml", i))] = fmt.Sprintf("name: w%d\n", i) + good
	}
	files[path("twin.yml")] = files[path("w007.yml")]
	b := setup(t, files)
	b.must(t, 1, queue.ValidateCommit{SHA: b.repo.Head("main")})
	if n := b.gh.Count("git/get-blob"); n != 31 {
		t.Errorf("the first validation read %d blobs, want 31: 30 workflows and the configuration", n)
	}

	b.restart(t)
	b.gh.ForgetCalls()
	sha := b.push(t, map[string]string{path("w003.yml"): broken})
	b.must(t, 2, queue.ValidateCommit{SHA: sha})
	if n := b.gh.Count("git/get-blob"); n != 1 {
		t.Errorf("after a change of one file %d blobs were read", n)
	}
	if diff := cmp.Diff([]string{path("w003.yml") + ":4:5 failure underscore-key"}, places(b.only(t, sha))); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}

	b.gh.ForgetCalls()
	renamed, err := b.repo.RenameFile("main", path("w003.yml"), path("moved.yaml"), "rename")
	if err != nil {
		t.Fatal(err)
	}
	b.must(t, 3, queue.ValidateCommit{SHA: renamed})
	deleted, err := b.repo.Push("main", map[string]string{path("twin.yml"): good}, "change")
	if err != nil {
		t.Fatal(err)
	}
	b.must(t, 4, queue.ValidateCommit{SHA: deleted})
	if n := b.gh.Count("git/get-blob"); n != 1 {
		t.Errorf("a renaming and a content seen under no other name read %d blobs, want 1", n)
	}
	if diff := cmp.Diff([]string{path("moved.yaml") + ":4:5 failure underscore-key"}, places(b.only(t, renamed))); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	hits, misses := b.cache(t)
	if hits != 31+31+31-1 || misses != 2 {
		t.Errorf("%v cache hits, %v misses", hits, misses)
	}
	if n := testutil.CollectAndCount(b.metrics, "redundancy_validations_total"); n != 1 {
		t.Errorf("%d series of validations", n)
	}
}

func (b *bench) cache(t *testing.T) (hits, misses float64) {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "redundancy_lint_cache_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == "hit" {
				hits = m.GetCounter().GetValue()
			} else {
				misses = m.GetCounter().GetValue()
			}
		}
	}
	return hits, misses
}

func TestRerunMakesANewCheckRun(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): good})
	sha := b.repo.Head("main")
	b.must(t, 1, queue.ValidateCommit{SHA: sha, DeliveryID: "push"})
	for range 2 { // a delivery handled twice
		b.must(t, 2, queue.ValidateCommit{SHA: sha, DeliveryID: "rerequested", Again: true})
	}
	for range 2 { // one attempt that was cut off after its record
		b.must(t, 3, queue.ValidateCommit{SHA: sha, Again: true})
	}
	b.must(t, 4, queue.ValidateCommit{SHA: sha, DeliveryID: "late push"})
	var keys []string
	for _, r := range b.repo.CheckRuns(sha) {
		keys = append(keys, strings.TrimPrefix(r.ExternalID, "validate/"+sha))
	}
	if diff := cmp.Diff([]string{"", "/rerequested", "/job-3"}, keys); diff != "" {
		t.Errorf("check runs (-want +got):\n%s", diff)
	}
}

func TestLastGoodConfigurationStaysInForce(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): broken, ".github/redundancy.yml": "version: 1\nvalidate: {ignore: [underscore-key]}\n"})
	first := b.repo.Head("main")
	loader, err := repoconfig.New(repoconfig.Config{Store: b.store, Clients: b.clients, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loader.Load(t.Context(), b.at); err != nil {
		t.Fatal(err)
	}
	sha := b.push(t, map[string]string{".github/redundancy.yml": "version: 2\n"})
	b.must(t, 1, queue.ValidateCommit{SHA: sha})
	run := b.only(t, sha)
	if run.Conclusion != "failure" || !strings.Contains(run.Summary, "The last good one stays in force") || !strings.Contains(run.Summary, "/blob/"+first+"/.github/redundancy.yml") {
		t.Errorf("summary %s", run.Summary)
	}
	for _, a := range run.Annotations {
		if a.Title == "underscore-key" {
			t.Errorf("the configuration in force switches this off: %+v", a)
		}
	}
	branch, err := b.repo.Push("feature", map[string]string{"x": "y"}, "branch")
	if err != nil {
		t.Fatal(err)
	}
	b.must(t, 2, queue.ValidateCommit{SHA: branch})
	if run := b.only(t, branch); strings.Contains(run.Title, "Advice") {
		t.Errorf("a configured repository got advice: %q", run.Title)
	}
}

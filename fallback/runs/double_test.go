package runs

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	pushed     = ".github/workflows/pushed.yml"
	dispatched = ".github/workflows/dispatched.yml"
	jobs       = "jobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
)

// withDouble runs the App's own client against the double, which checks every
// request with GitHub's own description.
func withDouble(t *testing.T) (*githubtest.Repo, queue.Repo, *github.Client) {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clients, err := githubapi.New(githubapi.Config{BaseURL: gh.URL(), AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		clients.Close()
		for _, v := range gh.Violations() {
			t.Errorf("GitHub would not take this: %s", v)
		}
		if err := gh.Close(); err != nil {
			t.Error(err)
		}
	})
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		pushed: "on: {push: {}}\n" + jobs, dispatched: "on: {workflow_dispatch: {}}\n" + jobs,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := queue.Repo{InstallationID: gh.Install("acme"), ID: repo.ID, Owner: "acme", Name: "site"}
	client, err := clients.Installation(at.InstallationID)
	if err != nil {
		t.Fatal(err)
	}
	return repo, at, client
}

func start(t *testing.T, repo *githubtest.Repo, workflow, event string) int64 {
	t.Helper()
	x, err := repo.StartRun(workflow, event)
	if err != nil {
		t.Fatal(err)
	}
	return x.ID
}

func ids(list []*Run) []int64 {
	out := []int64{}
	for _, r := range list {
		out = append(out, r.GetID())
	}
	return out
}

func TestAsGitHubAnswers(t *testing.T) {
	repo, at, client := withDouble(t)
	one := start(t, repo, pushed, "push")
	two := start(t, repo, dispatched, "workflow_dispatch")
	r, err := Get(t.Context(), client, at, two)
	if err != nil || r.WorkflowPath() != dispatched || !r.Dispatched() || !r.Own(at.ID) || r.Completed() {
		t.Fatalf("run %v: %v", r, err)
	}
	for name, tc := range map[string]struct {
		q    Query
		want []int64
	}{
		"all":              {Query{}, []int64{two, one}},
		"of one workflow":  {Query{Workflow: pushed}, []int64{one}},
		"of one event":     {Query{Filter: url.Values{"event": {"workflow_dispatch"}}}, []int64{two}},
		"none":             {Query{Filter: url.Values{"event": {"schedule"}}}, []int64{}},
		"beyond the first": {Query{Number: 2}, []int64{}},
	} {
		p, err := List(t.Context(), client, at, tc.q)
		if diff := cmp.Diff(tc.want, ids(p.Runs)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	list, asked, err := ListSince(t.Context(), client, at, dispatched, "workflow_dispatch", time.Time{})
	if diff := cmp.Diff([]int64{two}, ids(list)); err != nil || diff != "" || asked.IsZero() {
		t.Errorf("since ever, at %s: %v (-want +got):\n%s", asked, err, diff)
	}
	at.ID++ // as if the name were another repository's now
	if _, err := Get(t.Context(), client, at, two); !isElsewhere(err) {
		t.Errorf("get: %v", err)
	}
	if _, err := List(t.Context(), client, at, Query{}); !isElsewhere(err) {
		t.Errorf("list: %v", err)
	}
}

// A list costs nothing while nothing has changed, and is whole when something has.
func TestUnchanged(t *testing.T) {
	repo, at, client := withDouble(t)
	one := start(t, repo, pushed, "push")
	first, err := List(t.Context(), client, at, Query{})
	if err != nil || first.ETag == "" || first.Unchanged || first.Rate.Limit == 0 {
		t.Fatalf("%+v: %v", first, err)
	}
	again, err := List(t.Context(), client, at, Query{ETag: first.ETag})
	if err != nil || !again.Unchanged || !again.Free || len(again.Runs) != 0 {
		t.Errorf("unchanged: %+v: %v", again, err)
	}
	two := start(t, repo, pushed, "push")
	changed, err := List(t.Context(), client, at, Query{ETag: first.ETag})
	if diff := cmp.Diff([]int64{two, one}, ids(changed.Runs)); err != nil || diff != "" || changed.Unchanged || changed.Free || changed.ETag == first.ETag {
		t.Errorf("changed: %v, %v (-want +got):\n%s", changed, err, diff)
	}
}

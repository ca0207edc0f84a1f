package githubapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

const dispatchable = `on: {workflow_dispatch: {inputs: {reason: {}}}}
jobs: {a: {runs-on: ubuntu-latest, steps: [{run: "true"}]}}
`

// withDouble runs the App's clients against the double, which checks every
// request with GitHub's own description.
func withDouble(t *testing.T, cfg githubtest.Config, path string) (*githubtest.Server, *githubtest.Repo, *Clients, *github.Client) {
	gh, err := githubtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		".github/workflows/fallback.yml":    dispatchable,
		".github/workflows/notes.txt":       "x",
		".github/redundancy.yml":            "version: 1\n",
		"automation/redundancy-config.json": "{}",
		"src/a.go":                          "package a\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	clients, err := New(Config{BaseURL: gh.URL() + path, AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		clients.Close()
		if v := gh.Violations(); len(v) > 0 {
			t.Errorf("GitHub would object:\n%s", strings.Join(v, "\n"))
		}
		if err := gh.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := clients.Installation(gh.Install("acme"))
	if err != nil {
		t.Fatal(err)
	}
	return gh, repo, clients, client
}

func TestDoubleFiles(t *testing.T) {
	for _, limit := range []int{0, 1} { // 1: every tree of more is cut
		gh, repo, _, client := withDouble(t, githubtest.Config{TreeLimit: limit}, "/api/v3/")
		ctx := context.Background()
		for round := range 2 {
			gh.ForgetCalls()
			files, err := RelevantFiles(ctx, client, "acme", "site", repo.Head("main"))
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, f := range files {
				paths = append(paths, f.Path)
				data, err := Blob(ctx, client, "acme", "site", f.BlobSHA, f.Size)
				if err != nil || len(data) != f.Size {
					t.Errorf("%s: %d bytes of %d, %v", f.Path, len(data), f.Size, err)
				}
				if _, err := Blob(ctx, client, "acme", "site", f.BlobSHA, f.Size-1); !errors.Is(err, ErrTooLarge) {
					t.Errorf("%s: %v", f.Path, err)
				}
			}
			if diff := cmp.Diff([]string{".github/redundancy.yml", ".github/workflows/fallback.yml", "automation/redundancy-config.json"}, paths); diff != "" {
				t.Errorf("limit %d (-want +got):\n%s", limit, diff)
			}
			for _, c := range gh.Calls() {
				if round == 1 && (c.Operation == "git/get-tree" || c.Operation == "repos/get-content") && c.Status != http.StatusNotModified {
					t.Errorf("second round: %s answered %d", c.Path, c.Status)
				}
			}
		}
	}
}

func TestDoubleDispatch(t *testing.T) {
	for _, enterprise := range []bool{false, true} {
		gh, repo, _, client := withDouble(t, githubtest.Config{Enterprise: enterprise}, "")
		id, err := DispatchWorkflow(context.Background(), client, "acme", "site", "fallback.yml", "main", map[string]string{"reason": "x"})
		if err != nil {
			t.Fatal(err)
		}
		runs := repo.Runs()
		if len(runs) != 1 || enterprise != (id == 0) || !enterprise && runs[0].ID != id {
			t.Errorf("enterprise %v: id %d, runs %v", enterprise, id, runs)
		}
		if _, err := DispatchWorkflow(context.Background(), client, "acme", "site", "fallback.yml", "main", nil); err != nil {
			t.Error(err)
		}
		if n, want := gh.Count("actions/create-workflow-dispatch"), map[bool]int{false: 2, true: 3}[enterprise]; n != want {
			t.Errorf("enterprise %v: %d requests, want %d", enterprise, n, want)
		}
	}
}

// An answer that is lost after its effect: sent once, and known to be unknown.
func TestDoubleLostAnswer(t *testing.T) {
	for _, kind := range []githubtest.FaultKind{githubtest.Reset, githubtest.Status, githubtest.Truncate, githubtest.BadJSON} {
		gh, _, _, client := withDouble(t, githubtest.Config{}, "")
		gh.Fault(githubtest.Fault{Operation: "actions/create-workflow-dispatch", AfterEffect: true, Kind: kind, Code: 502})
		_, err := DispatchWorkflow(context.Background(), client, "acme", "site", "fallback.yml", "main", nil)
		if got := Outcome(err); got != Unknown {
			t.Errorf("%s: outcome %s of %v", kind, got, err)
		}
		if n := gh.Effects("actions/create-workflow-dispatch"); n != 1 {
			t.Errorf("%s: %d runs started", kind, n)
		}
	}
}

func TestDoubleRevalidates(t *testing.T) {
	gh, _, clients, client := withDouble(t, githubtest.Config{}, "")
	get := func(c *github.Client) {
		t.Helper()
		if err := getRepo(c); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		get(client)
	}
	full, not := 0, 0
	for _, c := range gh.Calls() {
		switch {
		case c.Operation != "repos/get":
		case c.Status == http.StatusNotModified:
			not++
		default:
			full++
		}
	}
	if full != 1 || not != 9 {
		t.Errorf("%d full and %d × 304, want 1 and 9", full, not)
	}
	// A revoked token costs one failed attempt; the next has a new one.
	id := gh.Calls()[len(gh.Calls())-1].Installation
	gh.RotateTokens()
	if err := getRepo(client); err == nil {
		t.Error("a revoked token was accepted")
	}
	renewed, err := clients.Installation(id)
	if err != nil {
		t.Fatal(err)
	}
	get(renewed)
}

func TestDoubleLimitsAndSuspension(t *testing.T) {
	for _, fault := range []githubtest.Fault{
		{Operation: "repos/get", Kind: githubtest.Primary},
		{Operation: "repos/get", Kind: githubtest.Primary, Code: 429},
		{Operation: "repos/get", Kind: githubtest.Secondary},
		{Operation: "repos/get", Kind: githubtest.Secondary, Code: 429},
		{Operation: "repos/get", Kind: githubtest.Secondary, RetryAfter: -1},
	} {
		gh, _, _, client := withDouble(t, githubtest.Config{}, "")
		gh.Fault(fault)
		begun := clockwork.NewRealClock().Now()
		until, ok := LimitedUntil(getRepo(client))
		if wait := until.Sub(begun); !ok || wait < 55*time.Second || wait > 65*time.Second {
			t.Errorf("%s %d: limited %v for %s, want a minute", fault.Kind, fault.Code, ok, wait)
		}
		if l := asLimit(t, getRepo(client)); !l.Local || gh.Count("repos/get") != 1 {
			t.Errorf("%s %d: %d requests", fault.Kind, fault.Code, gh.Count("repos/get"))
		}
	}
	gh, _, clients, client := withDouble(t, githubtest.Config{}, "")
	if err := getRepo(client); err != nil {
		t.Fatal(err)
	}
	id := gh.Calls()[len(gh.Calls())-1].Installation
	if err := gh.Suspend(id); err != nil {
		t.Fatal(err)
	}
	clients.Forget(id)
	client, _ = clients.Installation(id)
	if err := getRepo(client); !IsDormant(err) {
		t.Errorf("suspended: %v", err)
	}
}

func TestDoubleRenamedRepository(t *testing.T) {
	gh, repo, _, client := withDouble(t, githubtest.Config{}, "")
	repo.Rename("www")
	if err := getRepo(client); err != nil {
		t.Errorf("read: %v", err)
	}
	if _, err := DispatchWorkflow(context.Background(), client, "acme", "site", "fallback.yml", "main", nil); err != nil || gh.Effects("actions/create-workflow-dispatch") != 1 {
		t.Errorf("write: %v, %d runs", err, gh.Effects("actions/create-workflow-dispatch"))
	}
}

package checkrun_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a repository on the double, seen through the App's own client stack.
type fixture struct {
	gh        *githubtest.Server
	repo      *githubtest.Repo
	at        queue.Repo
	sha       string
	client    *github.Client
	publisher *checkrun.Publisher
}

func setup(t *testing.T) *fixture {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := gh.AddRepo("acme", "site", map[string]string{"README.md": "x"})
	if err != nil {
		t.Fatal(err)
	}
	installation := gh.Install("acme")
	clients, err := githubapi.New(githubapi.Config{BaseURL: gh.URL(), AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := clients.Installation(installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, v := range gh.Violations() {
			t.Errorf("GitHub does not know this: %s", v)
		}
		clients.Close()
		if err := gh.Close(); err != nil {
			t.Error(err)
		}
	})
	return &fixture{gh, repo, queue.Repo{InstallationID: installation, ID: repo.ID, Owner: "acme", Name: "site"}, repo.Head("main"), client, &checkrun.Publisher{AppID: gh.AppID}}
}

func (f *fixture) publish(t *testing.T, id int64, run checkrun.Run) (int64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return f.publisher.Publish(ctx, f.client, f.at, id, run)
}

func (f *fixture) must(t *testing.T, id int64, run checkrun.Run) int64 {
	t.Helper()
	got, err := f.publish(t, id, run)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// only fails unless the commit has exactly one Check Run, and returns it.
func (f *fixture) only(t *testing.T) githubtest.CheckRun {
	t.Helper()
	runs := f.repo.CheckRuns(f.sha)
	if len(runs) != 1 {
		t.Fatalf("%d check runs, want 1: %+v", len(runs), runs)
	}
	return runs[0]
}

func (f *fixture) run(findings int) checkrun.Run {
	r := checkrun.Run{
		Name: "redundancy / validate", HeadSHA: f.sha, ExternalID: "validate/" + f.sha, Status: checkrun.Completed, Conclusion: checkrun.Failure,
		Title: "title", Summary: "summary", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CompletedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
	}
	for i := range findings {
		r.Annotations = append(r.Annotations, config.Finding{File: "a.yml", Line: 1 + i/2, Column: 1, Rule: "r", Severity: config.Error, Message: fmt.Sprintf("finding %d", i/3)})
	}
	return r
}

// has compares what GitHub has with what was meant, in order.
func has(t *testing.T, got githubtest.CheckRun, want checkrun.Run) {
	t.Helper()
	var g, w []string
	for _, a := range got.Annotations {
		g = append(g, fmt.Sprintf("%s:%d:%d %s", a.Path, a.StartLine, a.StartColumn, a.Message))
	}
	for i, a := range want.Annotations {
		if i < checkrun.MaxAnnotations {
			w = append(w, fmt.Sprintf("%s:%d:%d %s", a.File, a.Line, a.Column, a.Message))
		}
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("%d annotations, want %d (-want +got):\n%.2000s", len(g), len(w), diff)
	}
	if got.Status != string(want.Status) || got.Conclusion != string(want.Conclusion) || got.Title != want.Title || got.ExternalID != want.ExternalID {
		t.Errorf("check run is %+v", got)
	}
}

func TestCreateWithAnyNumberOfAnnotations(t *testing.T) {
	for n, requests := range map[int]int{0: 1, 1: 1, 49: 1, 50: 1, 51: 2, 100: 2, 120: 3, 1000: 20, 1001: 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := setup(t)
			run := f.run(n)
			id := f.must(t, 0, run)
			got := f.only(t)
			if got.ID != id || got.Updates != requests {
				t.Errorf("id %d in %d requests, want %d in %d", got.ID, got.Updates, id, requests)
			}
			has(t, got, run)
			if more := "1 more are not annotated"; strings.Contains(got.Summary, more) != (n > checkrun.MaxAnnotations) {
				t.Errorf("summary %q", got.Summary)
			}
			if got.StartedAt != "2026-01-02T03:04:05Z" || got.CompletedAt != "2026-01-02T03:04:06Z" {
				t.Errorf("times %s, %s", got.StartedAt, got.CompletedAt)
			}
		})
	}
}

func TestPublishAgainChangesNothing(t *testing.T) {
	f := setup(t)
	run := f.run(120)
	id := f.must(t, 0, run)
	if again := f.must(t, 0, run); again != id {
		t.Errorf("adopted %d, want %d", again, id)
	}
	if again := f.must(t, id, run); again != id {
		t.Errorf("updated %d, want %d", again, id)
	}
	has(t, f.only(t), run)
}

func TestLostAnswers(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"create, before its effect":  {Operation: "checks/create", Kind: githubtest.Reset},
		"create, after its effect":   {Operation: "checks/create", Kind: githubtest.Reset, AfterEffect: true},
		"create, 502 afterwards":     {Operation: "checks/create", Kind: githubtest.Status, Code: 502, AfterEffect: true},
		"create, half an answer":     {Operation: "checks/create", Kind: githubtest.Truncate, AfterEffect: true},
		"create, bad JSON":           {Operation: "checks/create", Kind: githubtest.BadJSON, AfterEffect: true},
		"first batch, before":        {Operation: "checks/update", Kind: githubtest.Status, Code: 500},
		"first batch, after":         {Operation: "checks/update", Kind: githubtest.Reset, AfterEffect: true},
		"second batch, before":       {Operation: "checks/update", Kind: githubtest.Reset, Skip: 1},
		"second batch, after":        {Operation: "checks/update", Kind: githubtest.Reset, Skip: 1, AfterEffect: true},
		"secondary limit in between": {Operation: "checks/update", Kind: githubtest.Status, Code: 503, Skip: 1},
		"list":                       {Operation: "checks/list-for-ref", Kind: githubtest.Status, Code: 500},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			run := f.run(170)
			f.gh.Fault(fault)
			if _, err := f.publish(t, 0, run); err == nil {
				t.Fatal("no error although the answer was lost")
			}
			f.must(t, 0, run)
			has(t, f.only(t), run)
		})
	}
}

func TestUpdateInPlace(t *testing.T) {
	f := setup(t)
	run := f.run(0)
	run.Status, run.Conclusion, run.Text = checkrun.InProgress, "", "working"
	id := f.must(t, 0, run)
	run.Status, run.Conclusion, run.Summary = checkrun.Completed, checkrun.Success, "done"
	run.Actions = []checkrun.Action{{Label: "Recover", Description: "Start it again", Identifier: "recover"}}
	if got := f.must(t, id, run); got != id {
		t.Errorf("id %d, want %d", got, id)
	}
	if got := f.only(t); got.Conclusion != "success" || got.Summary != "done" || len(got.Actions) != 1 {
		t.Errorf("check run is %+v", got)
	}
	before := len(f.gh.Calls())
	run.Actions = nil
	f.must(t, id, run)
	if got := f.only(t); len(got.Actions) != 0 {
		t.Errorf("the button is still there: %+v", got.Actions)
	}
	if n := len(f.gh.Calls()) - before; n != 1 {
		t.Errorf("an update without annotations took %d requests", n)
	}
}

func TestAnnotationsOfOthersAreNotContinued(t *testing.T) {
	f := setup(t)
	first := f.run(3)
	old := f.must(t, 0, first)
	second := f.run(2)
	second.Annotations[0].Message = "something else"
	id := f.must(t, old, second)
	if id == old {
		t.Fatal("annotations were mixed")
	}
	got, _ := f.repo.CheckRun(f.sha, second.Name)
	has(t, got, second)
	if third := f.must(t, 0, second); third != id {
		t.Errorf("adopted %d, want the newest %d", third, id)
	}
}

func TestRunsThatAreNotOurs(t *testing.T) {
	f := setup(t)
	foreign := f.repo.AddForeignCheckRun(f.sha, "redundancy / validate", "success")
	for name, id := range map[string]int64{"of another app": foreign, "that does not exist": 987654} {
		for _, findings := range []int{0, 2} {
			t.Run(fmt.Sprintf("%s, %d findings", name, findings), func(t *testing.T) {
				run := f.run(findings)
				run.ExternalID = fmt.Sprintf("%s/%d", name, findings)
				got := f.must(t, id, run)
				if got == id {
					t.Fatal("no new run")
				}
				newest, _ := f.repo.CheckRun(f.sha, run.Name)
				has(t, newest, run)
			})
		}
	}
}

func TestAdoption(t *testing.T) {
	f := setup(t)
	one := f.must(t, 0, f.run(0))
	other := f.run(0)
	other.ExternalID += "/again"
	two := f.must(t, 0, other)
	named := f.run(0)
	named.Name = "redundancy / recover x"
	three := f.must(t, 0, named)
	none := f.run(0)
	none.ExternalID = ""
	four, five := f.must(t, 0, none), f.must(t, 0, none)
	seen := map[int64]bool{one: true, two: true, three: true, four: true, five: true}
	if len(seen) != 5 {
		t.Errorf("runs %d %d %d %d %d", one, two, three, four, five)
	}
	if again := f.must(t, 0, f.run(0)); again != one {
		t.Errorf("adopted %d, want %d", again, one)
	}
}

func TestAdoptionLooksAtAllPages(t *testing.T) {
	f := setup(t)
	first := f.must(t, 0, f.run(0))
	for i := range 120 {
		r := f.run(0)
		r.ExternalID = fmt.Sprintf("other/%d", i)
		f.must(t, 0, r)
	}
	if got := f.must(t, 0, f.run(0)); got != first {
		t.Errorf("adopted %d, want %d", got, first)
	}
}

func TestRefusalsArePermanent(t *testing.T) {
	f := setup(t)
	unknown := f.run(0)
	unknown.HeadSHA, unknown.ExternalID = strings.Repeat("ab", 20), ""
	bad := f.run(0)
	bad.Conclusion = "stale"
	for name, run := range map[string]checkrun.Run{"by GitHub": unknown, "by us": bad} {
		t.Run(name, func(t *testing.T) {
			_, err := f.publish(t, 0, run)
			var permanent *queue.PermanentError
			if !errors.As(err, &permanent) {
				t.Fatalf("error is %v, want a permanent one", err)
			}
			if name == "by GitHub" && !strings.Contains(err.Error(), "422") {
				t.Errorf("GitHub's message is missing: %v", err)
			}
		})
	}
	f.gh.Fault(githubtest.Fault{Operation: "checks/create", Kind: githubtest.Status, Code: 503})
	var permanent *queue.PermanentError
	if _, err := f.publish(t, 0, f.run(0)); err == nil || errors.As(err, &permanent) {
		t.Errorf("error is %v, want one to retry", err)
	}
}

func TestTextAtAndOverTheLimit(t *testing.T) {
	f := setup(t)
	run := f.run(0)
	run.Title = strings.Repeat("é", checkrun.MaxTitle+1)
	run.Summary = strings.Repeat("é", checkrun.MaxText)
	run.Text = "```\n" + strings.Repeat("x\n", checkrun.MaxText)
	f.must(t, 0, run)
	got := f.only(t)
	if got.Summary != run.Summary {
		t.Error("a summary that fits was changed")
	}
	if !strings.HasSuffix(got.Title, "…") || !strings.Contains(got.Text, "\n```\n\n_Cut here") {
		t.Errorf("title …%q, text …%q", got.Title[len(got.Title)-10:], got.Text[len(got.Text)-80:])
	}
}

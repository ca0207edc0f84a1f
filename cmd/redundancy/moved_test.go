package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

const fallbackWorkflow = "on: {workflow_dispatch: {}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"

// watching is a repository whose sync-health.yml is recovered by fb.yml.
func watching(t *testing.T, gh *githubtest.Server) *githubtest.Repo {
	t.Helper()
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		".github/workflows/sync-health.yml": demoFile("sync-health.yml"),
		".github/workflows/fb.yml":          fallbackWorkflow,
		".github/redundancy.yml":            "version: 1\nworkflows: [{file: sync-health.yml, recover: [{dispatch: {workflow: fb.yml}}]}]\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// failOn makes a scheduled run on a branch that fails.
func failOn(t *testing.T, repo *githubtest.Repo, branch string) *githubtest.Run {
	t.Helper()
	run, err := repo.StartRunAt("sync-health.yml", "schedule", branch, "octocat")
	if err == nil {
		err = run.Complete("failure")
	}
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// fellBack waits for the fallback of a run, on a branch, and its Check Run.
func (p *inProcess) fellBack(repo *githubtest.Repo, run *githubtest.Run, branch string) {
	p.t.Helper()
	p.until(20*time.Second, func(context.Context) string {
		for _, x := range repo.Runs() {
			if x.Workflow == ".github/workflows/fb.yml" && x.HeadBranch == branch {
				if _, shown := repo.CheckRun(run.HeadSHA, "redundancy / recover sync-health"); shown {
					return ""
				}
			}
		}
		return fmt.Sprintf("no fallback on %s, or no Check Run", branch)
	})
}

// TestRenamedRepository: the App hears of a rename by the next event of any
// kind, and never acts on who has taken the name meanwhile.
func TestRenamedRepository(t *testing.T) {
	gh := startGitHub(t)
	repo := watching(t, gh)
	p := startInProcess(t, gh, t.TempDir(), 100)
	gh.Install("acme")
	p.until(20*time.Second, func(ctx context.Context) string {
		if _, known, err := p.store.RepositoryConfig(ctx, repo.ID); err != nil || !known {
			return fmt.Sprintf("the configuration is not read (%v)", err)
		}
		return p.resting(ctx)
	})
	repo.Rename("site2")
	other, err := gh.AddRepo("acme", "other", map[string]string{".github/workflows/fb.yml": fallbackWorkflow})
	if err != nil {
		t.Fatal(err)
	}
	other.Rename("site")
	p.fellBack(repo, failOn(t, repo, "main"), "main")
	if n := len(other.Runs()); n != 0 {
		t.Errorf("%d runs in a repository that only has the name", n)
	}
	if dead := p.buried(); dead != "" {
		t.Errorf("dead letters:\n%s", dead)
	}
}

// TestOtherDefaultBranch: failures on the new default branch count as soon as
// any event has named it, by the configuration that is there, and those on the
// old one no longer do.
func TestOtherDefaultBranch(t *testing.T) {
	gh := startGitHub(t)
	repo := watching(t, gh)
	p := startInProcess(t, gh, t.TempDir(), 100)
	gh.Install("acme")
	p.until(20*time.Second, func(ctx context.Context) string {
		if _, known, err := p.store.RepositoryConfig(ctx, repo.ID); err != nil || !known {
			return fmt.Sprintf("the configuration is not read (%v)", err)
		}
		return p.resting(ctx)
	})
	if _, err := repo.Push("trunk", map[string]string{"x": "y"}, "trunk"); err != nil {
		t.Fatal(err)
	}
	repo.SetDefaultBranch("trunk")
	failOn(t, repo, "main")
	p.fellBack(repo, failOn(t, repo, "trunk"), "trunk")
	p.until(20*time.Second, func(ctx context.Context) string {
		if n := len(p.incidents(ctx)); n != 1 {
			return fmt.Sprintf("%d incidents, want that of trunk alone", n)
		}
		return ""
	})
}

// TestLoginIsRemembered: a server that starts while GitHub does not tell who
// the App is knows it from the time before.
func TestLoginIsRemembered(t *testing.T) {
	gh, data := startGitHub(t), t.TempDir()
	p := startInProcess(t, gh, data, 100)
	known := func(context.Context) string {
		if login := p.identity.BotLogin(); login != "redundancy[bot]" {
			return fmt.Sprintf("login %q", login)
		}
		return ""
	}
	p.until(20*time.Second, known)
	p.until(20*time.Second, func(ctx context.Context) string {
		if slug, err := p.store.AppSlug(ctx, gh.AppID); err != nil || slug != "redundancy" {
			return fmt.Sprintf("remembered %q (%v)", slug, err)
		}
		return ""
	})
	p.stop()
	gh.Fault(githubtest.Fault{Operation: "apps/get-authenticated", Kind: githubtest.Status, Code: 500, Times: -1})
	p = startInProcess(t, gh, data, 100)
	if missing := known(t.Context()); missing != "" {
		t.Error(missing)
	}
	p.until(20*time.Second, func(context.Context) string { // in vain
		if p.identity.Err() == nil || errors.Is(p.identity.Err(), errUnasked) {
			return "GitHub was not asked"
		}
		return known(t.Context())
	})
}

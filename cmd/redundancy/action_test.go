package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// actionHost is a data directory with one action, act, and GitHub.
type actionHost struct {
	t      *testing.T
	gh     *githubtest.Server
	data   string
	script string
}

// newActionHost writes a script, in which SELF is its own path, and agent.yml
// with extra keys of the action.
func newActionHost(t *testing.T, script, extra string) *actionHost {
	t.Helper()
	h := &actionHost{t: t, gh: startGitHub(t), data: t.TempDir()}
	h.script = filepath.Join(h.data, "act.sh")
	content := strings.ReplaceAll(script, "SELF", h.script)
	write(t, h.script, content)
	write(t, filepath.Join(h.data, "agent.yml"), fmt.Sprintf("actions:\n  act: {argv: [/bin/sh, %q], sha256: \"%x\"%s}\n", h.script, sha256.Sum256([]byte(content)), extra))
	return h
}

// repo is a repository that asks for the action when its workflow fails.
func (h *actionHost) repo(owner, name string) *githubtest.Repo {
	h.t.Helper()
	repo, err := h.gh.AddRepo(owner, name, map[string]string{
		".github/workflows/sync-health.yml": demoFile("sync-health.yml"),
		".github/redundancy.yml":            "version: 1\nworkflows: [{file: sync-health.yml, recover: [{run: {host: local, action: act}}]}]\n",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return repo
}

// fail lets a run fail on a commit of its own, and waits for what the App says.
func (h *actionHost) fail(repo *githubtest.Repo, c *child) githubtest.CheckRun {
	h.t.Helper()
	if _, err := repo.Push("main", map[string]string{"note": fmt.Sprint(len(repo.Runs()))}, "a commit of its own"); err != nil {
		h.t.Fatal(err)
	}
	// By hand: two runs of a schedule within the same hour are one tick, whose work
	// is done once, whatever database knows of it.
	run, err := repo.StartRun("sync-health.yml", "workflow_dispatch")
	if err == nil {
		err = run.Complete("failure")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	var shown githubtest.CheckRun
	err = h.gh.Wait(ctx, func() bool {
		shown, _ = repo.CheckRun(run.HeadSHA, "redundancy / recover sync-health")
		return shown.Status == "completed"
	})
	if err != nil {
		h.t.Fatalf("the recovery was not completed: %+v\n%s", shown, c.said())
	}
	return shown
}

func (h *actionHost) ran() string {
	data, err := os.ReadFile(h.script + ".ran")
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return string(data)
}

// TestNewDatabaseRunsActionsAnew: the journals outlive the database, in which
// incidents begin at 1 again. Their outcomes are not those of the new failures.
func TestNewDatabaseRunsActionsAnew(t *testing.T) {
	h := newActionHost(t, "echo ran >>SELF.ran\n", "")
	repo, bin := h.repo("acme", "site"), program(t)
	for i := range 2 {
		c := start(t, bin, h.gh, h.data)
		h.gh.SetHook(c.hook())
		if i == 0 {
			h.gh.Install("acme")
		}
		if shown := h.fail(repo, c); shown.Conclusion != "success" {
			t.Errorf("failure %d: %s: %s", i+1, shown.Conclusion, shown.Summary)
		}
		if want := strings.Repeat("ran\n", i+1); h.ran() != want {
			t.Errorf("after %d failures it ran as often as this: %q", i+1, h.ran())
		}
		c.term()
		old, err := filepath.Glob(filepath.Join(h.data, "redundancy.db*"))
		if err != nil || len(old) == 0 {
			t.Fatalf("no database: %v", err)
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestStrangersAction: a repository that the host's owner did not name gets
// neither the action nor its output; one without a list is warned of.
func TestStrangersAction(t *testing.T) {
	h := newActionHost(t, "echo output of the host\necho ran >>SELF.ran\n", ", repositories: [Acme/*]")
	known, stranger := h.repo("acme", "site"), h.repo("stranger", "evil")
	c := start(t, program(t), h.gh, h.data)
	h.gh.SetHook(c.hook())
	h.gh.Install("acme")
	h.gh.Install("stranger")
	shown := h.fail(stranger, c)
	if shown.Conclusion == "success" || !strings.Contains(shown.Summary+shown.Text, "may not ask for it") {
		t.Errorf("for a stranger: %s: %s\n%s", shown.Conclusion, shown.Summary, shown.Text)
	}
	if strings.Contains(shown.Summary+shown.Text, "output of the host") || h.ran() != "" {
		t.Errorf("it ran for a stranger: %q\n%s", h.ran(), shown.Text)
	}
	if shown := h.fail(known, c); shown.Conclusion != "success" || h.ran() != "ran\n" {
		t.Errorf("for the owner: %s: %s; ran %q", shown.Conclusion, shown.Summary, h.ran())
	}
	if strings.Contains(c.said(), "any repository may ask for it") {
		t.Error("warned of an action with a list")
	}
}

func TestWarningOfOpenActions(t *testing.T) {
	h := newActionHost(t, "exit 0\n", "")
	c := start(t, program(t), h.gh, h.data)
	c.await(`any repository may ask for it: name them under repositories`)
	if !strings.Contains(c.said(), `"action":"act"`) {
		t.Errorf("the warning does not name the action:\n%s", c.said())
	}
}

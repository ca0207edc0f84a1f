package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
)

// says runs a command and returns what it printed.
func says(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root, out := newRoot(), new(bytes.Buffer)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// TestHoldingBackFromTheCommandLine is a maintenance as a person does it, and
// a guarded workflow, over the whole App.
func TestHoldingBackFromTheCommandLine(t *testing.T) {
	gh := startGitHub(t)
	repo := watching(t, gh)
	data := t.TempDir()
	p := startInProcess(t, gh, data, 100)
	gh.Install("acme")
	p.until(20*time.Second, func(ctx context.Context) string {
		if _, known, err := p.store.RepositoryConfig(ctx, repo.ID); err != nil || !known {
			return fmt.Sprintf("the configuration is not read (%v)", err)
		}
		return p.resting(ctx)
	})
	token, err := os.ReadFile(filepath.Join(data, config.APITokenFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDUNDANCY_API_TOKEN", strings.TrimSpace(string(token)))
	t.Setenv("REDUNDANCY_LISTEN", strings.TrimPrefix(p.address, "http://"))
	want := func(text string, args ...string) string {
		t.Helper()
		got, err := says(t, args...)
		if err != nil || !strings.Contains(got, text) {
			t.Fatalf("redundancy %s: %v\n%s\nwant %q", strings.Join(args, " "), err, got, text)
		}
		return got
	}

	want("nothing is paused", "pause", "--list")
	want("Paused sync-health until", "pause", "sync-health", "2h", "--repo", "acme/site", "--reason", "database move")
	want("database move", "pause", "--list")
	failOn(t, repo, "main")
	p.until(20*time.Second, func(ctx context.Context) string {
		if list := p.incidents(ctx); len(list) != 1 || fallback.State(list[0].State) != fallback.Suppressed {
			return fmt.Sprintf("incidents %+v, want one that is suppressed", list)
		}
		return ""
	})
	want("paused sync-health until", "explain", "1")
	want(`"explanation"`, "explain", "1", "--json")
	want("suppressed", "incidents", "--signal", "failed", "--workflow", "sync-health")
	want("no incidents", "incidents", "--signal", "missed,stalled")
	want("no incidents", "incidents", "--workflow", "other")
	want("no incidents", "incidents", "--before", "1")
	want("suppressed", "incidents", "--all", "--before", "2")
	want("Resumed sync-health", "resume", "sync-health", "--repo", "acme/site")
	p.until(20*time.Second, func(context.Context) string {
		for _, x := range repo.Runs() {
			if x.Workflow == ".github/workflows/fb.yml" {
				return ""
			}
		}
		return "the fallback was not started"
	})

	// A guarded run of the same repository: granted while it runs, done once it
	// has succeeded, by its webhooks alone.
	guard := strings.TrimSpace(want("rg1.", "guard-token", "ACME/site"))
	if guard != api.GuardToken(strings.TrimSpace(string(token)), repo.ID) {
		t.Errorf("guard token %s", guard)
	}
	run, err := repo.StartRun("sync-health.yml", "push")
	if err == nil {
		err = run.Progress()
	}
	if err != nil {
		t.Fatal(err)
	}
	claim := func(method string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("%s/api/v1/claims/run-%d-%d", p.address, repo.ID, run.ID), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+guard)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := claim(http.MethodPost); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if err := run.Complete("success"); err != nil {
		t.Fatal(err)
	}
	p.until(20*time.Second, func(context.Context) string {
		if _, body := claim(http.MethodGet); !strings.Contains(body, `"done"`) {
			return "the claim is not done: " + body
		}
		return ""
	})
	if got, err := says(t, "guard-token", "acme/none"); err == nil {
		t.Errorf("a token for a repository that is not there: %s", got)
	}
}

func TestHoldExitCodes(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want int
	}{
		"workflow without repository":   {[]string{"pause", "sync"}, exitUsage},
		"no duration":                   {[]string{"pause", "sync", "soon", "--repo", "a/b"}, exitUsage},
		"no moment":                     {[]string{"pause", "--from", "tomorrow"}, exitUsage},
		"no end":                        {[]string{"pause", "--until", "2026-13-01"}, exitUsage},
		"resume without repository":     {[]string{"resume", "sync"}, exitUsage},
		"an incident that is no number": {[]string{"explain", "x"}, exitUsage},
		"explain nothing":               {[]string{"explain"}, exitUsage},
		"nobody listens":                {[]string{"pause", "2h"}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REDUNDANCY_API_TOKEN", "x")
			t.Setenv("REDUNDANCY_LISTEN", "127.0.0.1:1")
			if got := silently(t, func() int { return run(tc.args) }); got != tc.want {
				t.Errorf("redundancy %s: exit %d, want %d", strings.Join(tc.args, " "), got, tc.want)
			}
		})
	}
}

func TestReadPause(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	in := api.PauseRequest{Repo: "acme/site"}
	if err := readPause(&in, []string{"sync", "1d"}, "2h", "2026-12-03T00:00:00+01:00", now); err != nil {
		t.Fatal(err)
	}
	if in.Target != "sync" || in.Duration.Std() != 24*time.Hour || !in.From.Equal(now.Add(2*time.Hour)) || !in.Until.Equal(now.Add(35*time.Hour)) {
		t.Errorf("%+v", in)
	}
	in = api.PauseRequest{}
	if err := readPause(&in, []string{"2h"}, "", "", now); err != nil || in.Target != "" || in.Duration.Std() != 2*time.Hour || !in.From.IsZero() {
		t.Errorf("%+v, %v", in, err)
	}
}

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
)

// TestExitCodes holds the codes that scripts rely on: testscript only tells
// success from failure.
func TestExitCodes(t *testing.T) {
	answers := map[string]string{}
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the-token-of-this-test" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(status)
		asked := r.Method + " " + r.URL.Path
		if repo := r.URL.Query().Get("repo"); repo != "" {
			asked += "?repo=" + repo
		}
		_, _ = io.WriteString(w, answers[asked])
	}))
	defer srv.Close()
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		path   string
		answer string
		token  string
		want   int
	}{
		{"healthy", []string{"health"}, 200, "GET /api/v1/health", `{"healthy":true}`, "the-token-of-this-test", 0},
		{"unhealthy", []string{"health"}, 200, "GET /api/v1/health", `{"healthy":false,"reasons":["queue: stuck"]}`, "the-token-of-this-test", exitNo},
		{"unhealthy as JSON", []string{"health", "--json"}, 200, "GET /api/v1/health", `{"healthy":false}`, "the-token-of-this-test", exitNo},
		{"a healthy repository", []string{"health", "acme/site"}, 200, "GET /api/v1/health?repo=acme%2Fsite", `{"healthy":true,"score":12}`, "the-token-of-this-test", 0},
		{"no such repository", []string{"health", "acme/none"}, 404, "GET /api/v1/health?repo=acme%2Fnone", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"no signal is an answer", []string{"predict", "backtest"}, 200, "GET /api/v1/risk/backtest", `{"verdict":"not enough signal"}`, "the-token-of-this-test", 0},
		{"contradiction", []string{"predict", "backtest", "--csv", "-", "--repo", "a/b"}, 200, "", "", "the-token-of-this-test", exitUsage},
		{"wrong token", []string{"health"}, 200, "GET /api/v1/health", `{"healthy":true}`, "another", exitUsage},
		{"not our server", []string{"status"}, 200, "GET /api/v1/status", `<html>`, "the-token-of-this-test", exitUsage},
		{"broken server", []string{"status"}, 500, "GET /api/v1/status", `{"error":"internal error"}`, "the-token-of-this-test", exitUsage},
		{"no such incident", []string{"incidents", "7"}, 404, "GET /api/v1/incidents/7", `{"error":"no incident 7"}`, "the-token-of-this-test", exitNo},
		{"refused recovery", []string{"recover", "acme/site"}, 409, "POST /api/v1/recover", `{"accepted":false,"message":"nothing to recover"}`, "the-token-of-this-test", exitNo},
		{"recovery of no repository of ours", []string{"recover", "acme/none"}, 404, "POST /api/v1/recover", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"pause of no repository of ours", []string{"pause", "1h", "--repo", "acme/none"}, 404, "POST /api/v1/pause", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"resume of no repository of ours", []string{"resume", "--repo", "acme/none"}, 404, "POST /api/v1/resume", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"resume of nothing", []string{"resume"}, 409, "POST /api/v1/resume", `{"accepted":false,"message":"No pause"}`, "the-token-of-this-test", exitNo},
		{"incidents of no repository of ours", []string{"incidents", "--repo", "acme/none"}, 404, "GET /api/v1/incidents?repo=acme%2Fnone", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"backtest of no repository of ours", []string{"predict", "backtest", "--repo", "acme/none"}, 404, "GET /api/v1/risk/backtest?repo=acme%2Fnone", `{"error":"not installed"}`, "the-token-of-this-test", exitUsage},
		{"token of no repository of ours", []string{"guard-token", "acme/none"}, 200, "GET /api/v1/repositories", `{"repositories":[]}`, "the-token-of-this-test", exitUsage},
		{"explanation of nothing", []string{"explain", "7"}, 404, "GET /api/v1/incidents/7", `{"error":"no incident 7"}`, "the-token-of-this-test", exitNo},
		{"it was done", []string{"recover", "--done", "#7"}, 200, "POST /api/v1/recover", `{"accepted":true,"message":"closed"}`, "the-token-of-this-test", 0},
		{"it was done, and is over", []string{"recover", "--done", "7"}, 409, "POST /api/v1/recover", `{"accepted":false,"message":"over"}`, "the-token-of-this-test", exitNo},
		{"nothing was done", []string{"recover", "--done", "7"}, 404, "POST /api/v1/recover", `{"error":"no incident 7"}`, "the-token-of-this-test", exitNo},
		{"done with a repository", []string{"recover", "--done", "acme/site"}, 200, "", "", "the-token-of-this-test", exitUsage},
		{"done with too much", []string{"recover", "--done", "7", "x.yml"}, 200, "", "", "the-token-of-this-test", exitUsage},
		{"accepted recovery", []string{"recover", "acme/site", "x.yml"}, 200, "POST /api/v1/recover", `{"accepted":true,"message":"on it"}`, "the-token-of-this-test", 0},
		{"unknown delivery", []string{"replay", "a/b"}, 404, "POST /api/v1/deliveries/a%2Fb/replay", `{"error":"no delivery"}`, "the-token-of-this-test", exitNo},
		{"bad usage", []string{"replay"}, 200, "", "", "the-token-of-this-test", exitUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, answers = tc.status, map[string]string{strings.ReplaceAll(tc.path, "%2F", "/"): tc.answer}
			t.Setenv("REDUNDANCY_API_TOKEN", tc.token)
			t.Setenv("REDUNDANCY_LISTEN", strings.TrimPrefix(srv.URL, "http://"))
			if got := silently(t, func() int { return run(tc.args) }); got != tc.want {
				t.Errorf("redundancy %s: exit %d, want %d", strings.Join(tc.args, " "), got, tc.want)
			}
		})
	}
}

// silently keeps the command's output out of the test's.
func silently(t *testing.T, f func() int) int {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	defer func() {
		os.Stdout, os.Stderr = out, errs
		_ = null.Close()
	}()
	return f()
}

func TestStatusIsReadable(t *testing.T) {
	inZone(t, 3600)
	night := time.Date(2026, 12, 1, 21, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := printStatus(&out, api.Status{
		Version: "v1", StartedAt: night, Repositories: 1, Inbox: api.InboxStatus{Depth: 1}, Downtime: &api.Downtime{From: night, To: night},
		Scan: api.ScanStatus{Repositories: 2, Missed: &night, Unread: 1},
		Broken: []api.BrokenConfiguration{
			{Repo: "acme/\x1bsite", Source: "own", File: ".github/redundancy.yml", Line: 3, Column: 5, Message: "unknown key", Errors: 2},
			{Repo: "acme/old", Source: "owner", File: ".github/redundancy.yml", Line: 1, Column: 1, Message: "bad cron", Errors: 1, InForce: true},
		}, BrokenTotal: 120,
		Checks:    []api.CheckResult{{Name: "github", Detail: "no answer"}},
		Incidents: map[string]int{"exhausted": 1, "recovered": 2, "failing": 0},
		Pauses: []fallback.Pause{
			{ID: 3, Repo: "acme/site", Workflow: ".github/workflows/x.yml", Active: true, Actor: "alice", Reason: "the\x1b database"},
			{ID: 4, Actor: "bob", From: night, Until: &night},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"v1, not ready", "github: no answer", "1 exhausted, 2 recovered\n", "installations: none",
		"acme/site .github/workflows/x.yml until somebody resumes, by alice (pause 3): the· database\n",
		"everything from 2026-12-01 22:00 +01:00 until 2026-12-01 22:00 +01:00, by bob (pause 4)\n",
		"since 2026-12-01 22:00:00 +01:00\n", "from 2026-12-01 22:00:00 +01:00 to 2026-12-01 22:00:00 +01:00\n",
		"last missed 2026-12-01 22:00:00 +01:00; 1 workflow whose past is being read\n", "runs of 2 repositories,", " 1 repository, installations", " 1 delivery to handle\n",
		"broken     acme/·site: .github/redundancy.yml:3:5: unknown key (the first of 2 errors); nothing is watched until it is repaired\n",
		"acme/old: the owner's default, .github/redundancy.yml:1:1: bad cron; the last good version stays in force\n           and 118 more\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("status lacks %q:\n%s", want, out.String())
		}
	}
}

func TestTerminalIsSafeFromRepositories(t *testing.T) {
	if got := printable("a\x1b[2Jb\u009bc\u202ed\ne"); got != "a·[2Jb·c·d·e" {
		t.Errorf("printable: %q", got)
	}
}

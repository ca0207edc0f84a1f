package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const (
	workflowPrimary = `name: marketing-sync
on:
  schedule: [{cron: "17 9 * * *"}]
  workflow_dispatch:
jobs:
  post:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
`
	workflowFallback = `name: marketing-sync-fallback
on:
  workflow_dispatch:
    inputs:
      reason: {type: string, required: false}
jobs:
  post:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
`
	repositoryConfig = `version: 1
workflows:
  - file: marketing-sync.yml
    effect: idempotent
    recover:
      - dispatch: {workflow: marketing-sync-fallback.yml, ref: main, inputs: {reason: failed}}
      - repository_dispatch: {event_type: nobody-listens}
  - file: sync-health.yml
    effect: idempotent
    recover:
      - repository_dispatch: {event_type: sync-fallback}
  - file: stuck.yml
    effect: idempotent
    stall: {queued: 2m}
    recover: [{rerun: {}}]
  - file: missed.yml
    effect: idempotent
    schedule: {grace: 1m, deadline: 2m, late: cancel}
    recover:
      - dispatch: {workflow: marketing-sync-fallback.yml, ref: main, inputs: {reason: missed}}
`
	workflowEvent = `name: sync-fallback
on:
  repository_dispatch:
    types: [sync-fallback]
jobs:
  sync:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
`
)

// manifest is what app.yml asks for; the installation gets exactly that, so a
// call that needs more is denied by the double.
func manifest(t *testing.T) (permissions map[string]string, events []string) {
	t.Helper()
	b, err := os.ReadFile("../../app.yml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Permissions map[string]string `yaml:"default_permissions"`
		Events      []string          `yaml:"default_events"`
	}
	if err := yaml.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m.Permissions, m.Events
}

// TestAgainstIndependentDouble runs the built binary through the main job with
// the independent double as GitHub.
func TestAgainstIndependentDouble(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Node; part of make test")
	}
	d := startDouble(t)
	address := startBinary(t, d, "REDUNDANCY_DATA_DIR="+filepath.Join(t.TempDir(), "state"), "REDUNDANCY_POLL_SCALE=20")
	d.ctl("/config", map[string]any{"hook": map[string]any{"url": "http://" + address + "/api/github/hook"}})
	// A minute that begins when the repository has been watched for a while.
	tick := time.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute)
	permissions, events := manifest(t)
	d.ctl("/users", map[string]any{"login": "maintainer"})
	d.ctl("/repos", map[string]any{"full": "acme/demo", "files": map[string]string{
		".github/workflows/marketing-sync.yml":          workflowPrimary,
		".github/workflows/marketing-sync-fallback.yml": workflowFallback,
		".github/workflows/sync-health.yml":             demoFile("sync-health.yml"),
		".github/workflows/sync-fallback.yml":           workflowEvent,
		".github/workflows/stuck.yml":                   cronWorkflow("stuck", "41 3 * * 6"),
		".github/workflows/missed.yml":                  cronWorkflow("missed", fmt.Sprintf("%d %d * * *", tick.Minute(), tick.Hour())),
		".github/redundancy.yml":                        repositoryConfig,
	}})
	d.ctl("/users", map[string]any{"login": "maintainer", "repo": "acme/demo", "permission": "write"})
	d.ctl("/installations", map[string]any{"account": "acme", "permissions": permissions, "events": events})

	t.Run("a push is validated", func(t *testing.T) {
		d.ctl("/push", map[string]any{"branch": "broken", "from": "main", "files": map[string]string{
			".github/workflows/broken.yml": "name: broken\non: [push]\njobs:\n  a:\n    runs_on: ubuntu-latest\n    steps: []\n",
		}})
		d.until("redundancy / validate", func() bool {
			for _, c := range d.checks("redundancy / validate") {
				if c["conclusion"] == "failure" && len(c["annotations"].([]any)) > 0 {
					return true
				}
			}
			return false
		})
	})

	// recovered makes a watched workflow fail with a line of its log, ends the run
	// of the fallback that appears, and waits for the Check Run. The same line
	// again would be the same failure, which has to cool down.
	recovered := func(t *testing.T, workflow, fallback, line string) {
		before := d.runsOf(fallback)
		run := d.ctl("/runs", map[string]any{"workflow": workflow + ".yml", "event": "schedule"})
		shown := len(d.checks("redundancy / recover " + workflow))
		d.fail(run, line)
		d.until("a run of "+fallback, func() bool { return len(d.runsOf(fallback)) > len(before) })
		children := d.runsOf(fallback)
		d.ctl(fmt.Sprintf("/runs/%.0f", children[len(children)-1]["id"]), map[string]any{"conclusion": "success"})
		d.until("the Check Run to show the recovery", func() bool {
			list := d.checks("redundancy / recover " + workflow)
			return len(list) == shown+1 && list[shown]["conclusion"] == "success"
		})
		if n := len(d.runsOf(fallback)); n != len(before)+1 {
			t.Errorf("%s ran %d times for one failure", fallback, n-len(before))
		}
	}
	t.Run("a failed run is recovered by a dispatch", func(t *testing.T) {
		recovered(t, "marketing-sync", "marketing-sync-fallback", "the token of the target has expired")
	})
	t.Run("and by an event", func(t *testing.T) { recovered(t, "sync-health", "sync-fallback", "three feeds are stale") })
	t.Run("and when the answer to the dispatch is lost", func(t *testing.T) {
		d.ctl("/faults", map[string]any{"operation": "actions/create-workflow-dispatch", "action": "reset", "after_effect": true})
		recovered(t, "marketing-sync", "marketing-sync-fallback", "cannot resolve the name of the target")
	})

	t.Run("a run that is stuck is cancelled and re-run", func(t *testing.T) { stuckRun(t, d) })

	t.Run("a command is answered", func(t *testing.T) {
		issue := d.ctl("/issues", map[string]any{"title": "status?"})
		d.ctl("/comments", map[string]any{"number": issue["number"], "user": "maintainer", "body": "/redundancy status"})
		d.until("a reply", func() bool {
			list, _ := dig(d.ctl("/state", nil), "repos", 0, "comments").([]any)
			return len(list) == 2 && strings.Contains(fmt.Sprint(dig(list, 1, "body")), "marketing-sync")
		})
	})

	t.Run("both re-runs are honoured", func(t *testing.T) {
		before := len(d.checks("redundancy / validate"))
		updates := func() (n float64) {
			for _, c := range d.checks("redundancy / validate") {
				u, _ := c["updates"].(float64)
				n += u + 1
			}
			return n
		}
		first := d.checks("redundancy / validate")[0]
		for _, path := range []string{fmt.Sprintf("/checks/%.0f/rerequest", first["id"]), fmt.Sprintf("/suites/%.0f/rerequest", first["suite"])} {
			was := updates()
			d.ctl(path, map[string]any{})
			d.until(fmt.Sprintf("an answer to %s (had %d runs)", path, before), func() bool { return updates() > was })
		}
	})
	t.Run("a tick that GitHub drops is made up for, and its late run is cancelled", func(t *testing.T) { missedTick(t, d, tick) })
	d.ctl("/settle", map[string]any{})
	d.verdict()
	d.judged("actions/get-workflow", "actions/list-workflow-runs", "actions/list-jobs-for-workflow-run-attempt", "actions/download-job-logs-for-workflow-run",
		"actions/cancel-workflow-run", "actions/create-workflow-dispatch", "repos/create-dispatch-event")
}

package githubtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
)

func TestWorkflowDispatch(t *testing.T) {
	b := newBench(t, Config{})
	path := demo + "/actions/workflows/ci.yml/dispatches"
	inputs := map[string]any{}
	for i := range 26 {
		inputs[fmt.Sprint("i", i)] = "x"
	}
	if _, err := b.repo.Push("main", map[string]string{".github/workflows/push.yml": "on: push\njobs: {}\n", ".github/workflows/broken.yml": "on: [\n"}, "more"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		body       map[string]any
		status     int
	}{
		{"plain", path, map[string]any{"ref": "main"}, 204},
		{"with inputs", path, map[string]any{"ref": "refs/heads/main", "inputs": map[string]any{"level": "b"}}, 204},
		{"with details", path, map[string]any{"ref": "main", "return_run_details": true}, 200},
		{"undeclared input", path, map[string]any{"ref": "main", "inputs": map[string]any{"nope": "1"}}, 422},
		{"too many inputs", path, map[string]any{"ref": "main", "inputs": inputs}, 422},
		{"no such ref", path, map[string]any{"ref": "gone"}, 422},
		{"no such workflow", demo + "/actions/workflows/none.yml/dispatches", map[string]any{"ref": "main"}, 404},
		{"no trigger", demo + "/actions/workflows/push.yml/dispatches", map[string]any{"ref": "main"}, 422},
		{"broken file", demo + "/actions/workflows/broken.yml/dispatches", map[string]any{"ref": "main"}, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { b.call("POST", tt.path, tt.body).want(tt.status) })
	}
	runs := b.repo.Runs()
	if len(runs) != 3 {
		t.Fatalf("%d runs, want 3", len(runs))
	}
	if runs[0].Inputs["level"] != "a" || runs[1].Inputs["level"] != "b" || runs[1].Event != "workflow_dispatch" || runs[1].Actor != "redundancy[bot]" || runs[1].HeadSHA != b.repo.Head("main") {
		t.Errorf("runs %+v %+v", runs[0], runs[1])
	}
	if err := b.repo.DisableWorkflow("ci.yml", "disabled_inactivity"); err != nil {
		t.Fatal(err)
	}
	b.call("POST", path, map[string]any{"ref": "main"}).want(http.StatusUnprocessableEntity)
}

func TestEnterpriseRefusesRunDetails(t *testing.T) {
	b := newBench(t, Config{Enterprise: true})
	path := demo + "/actions/workflows/ci.yml/dispatches"
	b.call("POST", path, map[string]any{"ref": "main", "return_run_details": true}).want(http.StatusUnprocessableEntity)
	if len(b.repo.Runs()) != 0 {
		t.Error("the refused dispatch started a run")
	}
	b.call("POST", path, map[string]any{"ref": "main"}).want(http.StatusNoContent)
}

func TestRepositoryDispatch(t *testing.T) {
	b := newBench(t, Config{})
	keys := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("k", i)] = i
		}
		return m
	}
	sized := func(n int) map[string]any { // {"a":"…"} of n bytes
		return map[string]any{"a": strings.Repeat("x", n-len(`{"a":""}`))}
	}
	tests := []struct {
		name    string
		typ     string
		payload map[string]any
		status  int
	}{
		{"ten keys", "redundancy-fallback", keys(10), 204},
		{"eleven keys", "x", keys(11), 422},
		{"type of 100", strings.Repeat("x", 100), nil, 204},
		{"type of 101", strings.Repeat("x", 101), nil, 422},
		{"no type", "", nil, 422},
		{"just under 64 KB", "x", sized(maxPayload - 1), 204},
		{"64 KB", "x", sized(maxPayload), 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := map[string]any{"event_type": tt.typ}
			if tt.payload != nil {
				body["client_payload"] = tt.payload
			}
			b.call("POST", demo+"/dispatches", body).want(tt.status)
		})
	}
	got := b.repo.Dispatches()
	if len(got) != 3 || got[0].EventType != "redundancy-fallback" || !strings.Contains(string(got[0].Payload), `"k9":9`) {
		t.Errorf("dispatches %v", got)
	}
	if runs := b.repo.Runs(); len(runs) != 1 || runs[0].Event != "repository_dispatch" || string(runs[0].Payload) != string(got[0].Payload) {
		t.Errorf("%d runs: only the type that the workflow names starts it", len(runs))
	}
}

func TestReruns(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock})
	run, err := b.repo.StartRun(".github/workflows/ci.yml", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%s/actions/runs/%d", demo, run.ID)
	b.call("POST", at+"/rerun", nil).want(http.StatusForbidden) // it is running
	if err := run.Complete("failure", Job{Name: "build", Conclusion: "success"}, Job{Name: "test"}); err != nil {
		t.Fatal(err)
	}
	b.call("POST", at+"/rerun-failed-jobs", map[string]any{"enable_debug_logging": true}).want(http.StatusCreated)
	type jobs struct {
		Jobs []struct{ Name, Status, Conclusion string }
	}
	var now, first jobs
	b.get(at + "/jobs").into(&now)
	b.get(at + "/attempts/1/jobs").into(&first)
	if d := cmp.Diff("[{build completed success} {test queued }]", fmt.Sprint(now.Jobs)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("[{build completed success} {test completed failure}]", fmt.Sprint(first.Jobs)); d != "" {
		t.Error(d)
	}
	got := b.get(at).json()
	if got["run_attempt"] != 2.0 || got["status"] != "queued" || got["conclusion"] != nil || dig(got, "triggering_actor")["login"] != "redundancy[bot]" || dig(got, "actor")["login"] != "octocat" {
		t.Errorf("run %v %v %v", got["run_attempt"], got["status"], got["conclusion"])
	}
	if got := b.get(at + "/attempts/1").json(); got["conclusion"] != "failure" {
		t.Errorf("first attempt: %v", got["conclusion"])
	}
	b.call("GET", at+"/attempts/3", nil).want(http.StatusNotFound)
	for run.Attempt() < maxAttempts {
		if err := run.Complete("failure"); err != nil {
			t.Fatal(err)
		}
		if err := run.Rerun("octocat"); err != nil {
			t.Fatal(run.Attempt(), err)
		}
	}
	if err := run.Cancel(); err != nil {
		t.Fatal(err)
	}
	b.call("POST", at+"/rerun", nil).want(http.StatusForbidden) // 50 re-runs
	old, err := b.repo.StartRun("ci.yml", "push")
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(rerunWindow)
	b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", demo, old.ID), nil).want(http.StatusCreated)
	if err := old.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", demo, old.ID), nil).want(http.StatusForbidden)
	b.clean()
}

func TestRunsWithoutJobs(t *testing.T) {
	b := newBench(t, Config{})
	run, err := b.repo.StartRun("ci.yml", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Complete("startup_failure"); err != nil {
		t.Fatal(err)
	}
	if n := b.get(fmt.Sprintf("%s/actions/runs/%d/jobs", demo, run.ID)).json()["total_count"]; n != 0.0 {
		t.Errorf("%v jobs of a run that did not start", n)
	}
	if run.Complete("success") == nil || run.Progress() == nil {
		t.Error("a completed run went on")
	}
	b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", demo, run.ID), nil).want(http.StatusCreated)
	b.clean()
}

func TestDispatchLagAndRunner(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock})
	b.settle()
	b.hooks.reset()
	b.s.SetDispatchLag(5 * time.Second)
	b.s.SetRunner(func(x *Run) string {
		x.SetJobs(Job{Name: "build", Conclusion: "success", Log: "by " + x.Inputs["level"]})
		return "success"
	})
	b.call("POST", demo+"/actions/workflows/ci.yml/dispatches", map[string]any{"ref": "main"}).want(http.StatusNoContent)
	if n := b.get(demo + "/actions/runs").json()["total_count"]; n != 0.0 {
		t.Errorf("%v runs are listed before the lag has passed", n)
	}
	run := b.repo.Runs()[0]
	b.call("GET", fmt.Sprintf("%s/actions/runs/%d", demo, run.ID), nil).want(http.StatusNotFound)
	clock.Advance(5 * time.Second)
	if err := b.s.Wait(ctx(t), func() bool { return run.Conclusion() == "success" }); err != nil {
		t.Fatal(err)
	}
	if n := b.get(demo + "/actions/runs?status=success").json()["total_count"]; n != 1.0 {
		t.Errorf("%v runs are listed after the lag", n)
	}
	b.settle()
	if d := cmp.Diff([]string{"workflow_run.requested", "workflow_run.in_progress", "workflow_run.completed"}, b.hooks.names()); d != "" {
		t.Error(d)
	}
	b.hooks.reset()
	b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", demo, run.ID), nil).want(http.StatusCreated)
	if err := b.s.Wait(ctx(t), func() bool { return run.Attempt() == 2 && run.Status() == "completed" }); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if d := cmp.Diff([]string{"workflow_run.in_progress", "workflow_run.completed"}, b.hooks.names()); d != "" {
		t.Error(d)
	}
	b.clean()
}

func TestRunFilters(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 5, 6, 7, 8, 9, 500e6, time.UTC))
	b := newBench(t, Config{Clock: clock})
	if _, err := b.repo.StartRun("ci.yml", "push"); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]float64{
		"event=push": 1, "event=schedule": 0, "branch=main": 1, "branch=x": 0, "status=queued": 1, "status=failure": 0, "actor=octocat": 1, "actor=mona": 0,
		"head_sha=" + b.repo.Head("main"): 1, "head_sha=x": 0,
		"created=2026-05-06T07:08:09Z": 1, "created=2026-05-06T07:08:10Z": 0,
	} {
		path := demo + "/actions/runs?" + filter
		if n := b.get(path).json()["total_count"]; n != want {
			t.Errorf("%s: %v runs, want %v", filter, n, want)
		}
	}
	b.clean()
	b.call("GET", demo+"/actions/runs?created=%3E%3D2026-05-06", nil).want(http.StatusUnprocessableEntity)
	if v := b.s.Violations(); len(v) != 1 || !strings.Contains(v[0], "created") {
		t.Errorf("a search term for created: %q", v)
	}
}

func TestLogLinks(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock})
	run, err := b.repo.StartRun("ci.yml", "push")
	if err != nil {
		t.Fatal(err)
	}
	logs := fmt.Sprintf("%s/actions/jobs/%d/logs", demo, run.now.jobs[0].id)
	b.call("GET", logs, nil).want(http.StatusNotFound)
	if err := run.Complete("failure", Job{Name: "build", Log: "text"}); err != nil {
		t.Fatal(err)
	}
	link := b.call("GET", logs, nil).want(http.StatusFound).header.Get("Location")
	anonymous := with("Authorization", "")
	b.call("GET", link, nil, anonymous).want(http.StatusOK)
	b.clean()
	b.call("GET", link, nil).want(http.StatusUnauthorized)
	clock.Advance(logLinkLife)
	b.call("GET", link, nil, anonymous).want(http.StatusForbidden)
}

package runs

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/store"
)

func decode(t *testing.T, text string) *Run {
	t.Helper()
	r := new(Run)
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRow(t *testing.T) {
	const full = `{"id": 5, "run_attempt": 2, "path": ".github/workflows/x.yml@refs/heads/main", "event": "schedule", "head_branch": "main",
		"head_sha": "abc", "status": "completed", "conclusion": "failure", "html_url": "https://github.com/acme/site/actions/runs/5",
		"created_at": "1970-01-01T00:00:01Z", "run_started_at": "1970-01-01T00:00:02Z", "updated_at": "1970-01-01T00:00:03Z",
		"actor": {"login": "octocat"}, "triggering_actor": {"login": "hubot"}}`
	want := store.WorkflowRun{
		RepoID: 7, RunID: 5, Attempt: 2, WorkflowPath: ".github/workflows/x.yml", Event: "schedule", HeadBranch: "main", HeadSHA: "abc",
		Actor: "hubot", URL: "https://github.com/acme/site/actions/runs/5", Status: "completed", Conclusion: "failure",
		CreatedAt: 1000, StartedAt: 2000, UpdatedAt: 3000, ObservedAt: 9,
	}
	with := func(change func(*store.WorkflowRun)) store.WorkflowRun { w := want; change(&w); return w }
	for name, tc := range map[string]struct {
		old, new string
		want     store.WorkflowRun
	}{
		"whole":                    {"", "", want},
		"path without a ref":       {"@refs/heads/main", "", want},
		"path with two @":          {"@refs/heads/main", "@refs/tags/v1@2", want},
		"no triggering actor":      {`"hubot"`, `""`, with(func(w *store.WorkflowRun) { w.Actor = "octocat" })},
		"triggering actor null":    {`{"login": "hubot"}`, `null`, with(func(w *store.WorkflowRun) { w.Actor = "octocat" })},
		"no actor":                 {`"actor": {"login": "octocat"}, "triggering_actor": {"login": "hubot"}`, `"actor": null`, with(func(w *store.WorkflowRun) { w.Actor = "" })},
		"first attempt by silence": {`"run_attempt": 2, `, "", with(func(w *store.WorkflowRun) { w.Attempt = 1 })},
		"in progress": {`"completed", "conclusion": "failure"`, `"in_progress", "conclusion": null`, with(func(w *store.WorkflowRun) {
			w.Status, w.Conclusion, w.BeganAt = "in_progress", "", 3000
		})},
		"queued": {`"completed", "conclusion": "failure"`, `"queued", "conclusion": null`, with(func(w *store.WorkflowRun) {
			w.Status, w.Conclusion = "queued", ""
		})},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(full, tc.old) {
				t.Fatalf("%q is not in the answer", tc.old)
			}
			got := decode(t, strings.Replace(full, tc.old, tc.new, 1)).Row(7, 9)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOnBranch(t *testing.T) {
	for name, tc := range map[string]struct {
		run           string
		own, onBranch bool
	}{
		"a push to it":              {`{"event": "push", "head_branch": "main", "head_repository": {"id": 7}}`, true, true},
		"another branch":            {`{"event": "push", "head_branch": "next", "head_repository": {"id": 7}}`, true, false},
		"a fork's of the same name": {`{"event": "workflow_run", "head_branch": "main", "head_repository": {"id": 8}}`, false, false},
		"a fork that is gone":       {`{"event": "workflow_run", "head_branch": "main", "head_repository": null}`, false, false},
		"a pull request":            {`{"event": "pull_request", "head_branch": "main", "head_repository": {"id": 7}}`, false, false},
		"a pull request's target":   {`{"event": "pull_request_target", "head_branch": "main", "head_repository": {"id": 7}}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := decode(t, tc.run)
			if r.Own(7) != tc.own || r.OnBranch(7, "main") != tc.onBranch || r.OnBranch(7, "") {
				t.Errorf("own %v, on main %v, on no branch %v", r.Own(7), r.OnBranch(7, "main"), r.OnBranch(7, ""))
			}
		})
	}
}

func TestFailed(t *testing.T) {
	for _, c := range []string{"failure", "timed_out", "startup_failure"} {
		if !Failed(c) {
			t.Errorf("%s is no failure", c)
		}
	}
	for _, c := range []string{"", "success", "cancelled", "skipped", "neutral", "action_required", "stale"} {
		if Failed(c) {
			t.Errorf("%q is a failure", c)
		}
	}
}

func TestOldestFirst(t *testing.T) {
	list := []*Run{
		decode(t, `{"id": 3, "created_at": "2026-06-01T00:00:01Z"}`), decode(t, `{"id": 1, "created_at": "2026-06-01T00:00:02Z"}`),
		decode(t, `{"id": 2, "created_at": "2026-06-01T00:00:01Z"}`),
	}
	slices.SortFunc(list, OldestFirst)
	if ids := []int64{list[0].GetID(), list[1].GetID(), list[2].GetID()}; !slices.Equal(ids, []int64{2, 3, 1}) {
		t.Errorf("sorted %v", ids)
	}
}

package handlers

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// scheduledRun is a run of a watched workflow that has just been created.
var scheduledRun = but(failedRun, fields{
	"action": "requested", "workflow_run.status": "queued", "workflow_run.conclusion": nil, "workflow_run.run_attempt": 2,
	"workflow_run.head_sha": sha, "workflow_run.html_url": "https://github.com/acme/site/actions/runs/900",
	"workflow_run.created_at": "2026-05-04T06:03:00Z", "workflow_run.run_started_at": "2026-05-04T07:00:00Z", "workflow_run.updated_at": "2026-05-04T07:00:01Z",
})

func TestRunsAreSeen(t *testing.T) {
	moment := func(h, m, s int) store.Millis {
		return store.MillisOf(time.Date(2026, 5, 4, h, m, s, 0, time.UTC))
	}
	row := store.WorkflowRun{
		RepoID: 42, RunID: 900, Attempt: 2, WorkflowPath: watchedPath, Event: "schedule", HeadBranch: "main", HeadSHA: sha, Actor: "alice",
		URL: "https://github.com/acme/site/actions/runs/900", Status: "queued",
		CreatedAt: moment(6, 3, 0), StartedAt: moment(7, 0, 0), UpdatedAt: moment(7, 0, 1),
	}
	with := func(change func(*store.WorkflowRun)) []store.WorkflowRun {
		r := row
		change(&r)
		return []store.WorkflowRun{r}
	}
	for name, tt := range map[string]struct {
		change fields
		want   []store.WorkflowRun
		jobs   int
	}{
		"requested":   {nil, []store.WorkflowRun{row}, 0},
		"in progress": {fields{"action": "in_progress", "workflow_run.status": "in_progress"}, with(func(r *store.WorkflowRun) { r.Status = "in_progress" }), 0},
		"failed": {
			fields{"action": "completed", "workflow_run.status": "completed", "workflow_run.conclusion": "failure"},
			with(func(r *store.WorkflowRun) { r.Status, r.Conclusion = "completed", "failure" }), 1,
		},
		"cancelled, which opens nothing": {
			fields{"action": "completed", "workflow_run.status": "completed", "workflow_run.conclusion": "cancelled"},
			with(func(r *store.WorkflowRun) { r.Status, r.Conclusion = "completed", "cancelled" }), 0,
		},
		"part of an incident":  {fields{"workflow_run.id": 901}, with(func(r *store.WorkflowRun) { r.RunID = 901 }), 1},
		"without an attempt":   {fields{"workflow_run.run_attempt": nil}, with(func(r *store.WorkflowRun) { r.Attempt = 1 }), 0},
		"who re-ran it":        {fields{"workflow_run.triggering_actor.login": "bob"}, with(func(r *store.WorkflowRun) { r.Actor = "bob" }), 0},
		"who started it":       {fields{"workflow_run.triggering_actor": nil}, []store.WorkflowRun{row}, 0},
		"no start of its own":  {fields{"workflow_run.run_started_at": nil}, with(func(r *store.WorkflowRun) { r.StartedAt = 0 }), 0},
		"path with ref":        {fields{"workflow_run.path": watchedPath + "@refs/heads/main"}, []store.WorkflowRun{row}, 0},
		"by a push":            {fields{"workflow_run.event": "push"}, with(func(r *store.WorkflowRun) { r.Event = "push" }), 0},
		"not watched":          {fields{"workflow_run.path": ".github/workflows/other.yml"}, nil, 0},
		"another branch":       {fields{"workflow_run.head_branch": "topic"}, nil, 0},
		"a fork's main":        {fields{"workflow_run.head_repository.id": 43}, nil, 0},
		"pull request":         {fields{"workflow_run.event": "pull_request"}, nil, 0},
		"no status":            {fields{"workflow_run.status": nil}, nil, 0},
		"no moment":            {fields{"workflow_run.created_at": "yesterday"}, nil, 0},
		"no moment of change":  {fields{"workflow_run.updated_at": nil}, nil, 0},
		"an unheard-of action": {fields{"action": "paused"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.runs.watched[watchedPath], b.runs.tracked[901] = true, true
			jobs := b.send(t, "workflow_run", example(t, "workflow_run", addressed, but(scheduledRun, tt.change)))
			if diff := cmp.Diff(tt.want, b.runs.seen); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
			if len(jobs) != tt.jobs {
				t.Errorf("%d jobs, want %d", len(jobs), tt.jobs)
			}
		})
	}
}

// TestRunOfTheFormerDefaultBranch: a run counts that was created while its
// branch was the default one, also when its end is the news of the change.
func TestRunOfTheFormerDefaultBranch(t *testing.T) {
	changed := time.Date(2026, 5, 4, 7, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		recorded  string // default branch on record; "" no record
		formerly  string
		created   string
		updatedAt string // the repository's
		jobs      bool
	}{
		"created before":                      {"trunk", "main", "2026-05-04T06:59:59Z", "2026-05-04T07:00:00Z", true},
		"created at the time":                 {"trunk", "main", "2026-05-04T07:00:00Z", "2026-05-04T07:00:00Z", false},
		"not the former one":                  {"trunk", "dev", "2026-05-04T06:00:00Z", "2026-05-04T07:00:00Z", false},
		"the news itself":                     {"main", "", "2026-05-04T06:59:59Z", "2026-05-04T07:10:00Z", true},
		"the news itself, created afterwards": {"main", "", "2026-05-04T07:10:00Z", "2026-05-04T07:10:00Z", false},
		"never listed":                        {"", "", "2026-05-04T06:00:00Z", "2026-05-04T07:00:00Z", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.runs.watched[watchedPath] = true
			for _, branch := range []string{tc.formerly, tc.recorded} {
				b.write(t, func(ctx context.Context, tx *store.Tx) error {
					row := store.Repository{ID: 42, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: branch, SeenAt: store.MillisOf(changed)}
					if tc.recorded == "" {
						return nil
					}
					_, err := store.SaveRepositories(ctx, tx, []store.Repository{row})
					return err
				})
			}
			jobs := b.send(t, "workflow_run", example(t, "workflow_run", addressed, but(failedRun, fields{
				"workflow_run.head_branch": "main", "workflow_run.created_at": tc.created,
				"repository.default_branch": "trunk", "repository.updated_at": tc.updatedAt,
			})))
			observes := slices.ContainsFunc(jobs, func(i queue.Item) bool { return i.Args.Kind() == (queue.ObserveRun{}).Kind() })
			if observes != tc.jobs {
				t.Errorf("observed: %v, want %v; jobs %v", observes, tc.jobs, jobs)
			}
		})
	}
}

package githubtest

import (
	"fmt"
	"slices"
	"time"
)

func (x *Run) api() string  { return fmt.Sprintf("%s/actions/runs/%d", x.repo.api(), x.ID) }
func (x *Run) html() string { return fmt.Sprintf("%s/actions/runs/%d", x.repo.html(), x.ID) }

func (x *Run) show() object { return x.showAttempt(x.now) }

func (x *Run) showAttempt(a attempt) object {
	r := x.repo
	at, suiteID := x.api(), x.suite.id
	o := object{"id": x.ID, "name": x.workflow.name, "node_id": nodeID("WorkflowRun", x.ID), "check_suite_id": suiteID, "check_suite_node_id": nodeID("CheckSuite", suiteID),
		"head_branch": orNull(x.HeadBranch), "head_sha": x.HeadSHA, "path": x.Workflow, "display_title": x.title, "run_number": x.number, "event": x.Event,
		"status": a.status, "conclusion": orNull(a.conclusion), "workflow_id": x.workflow.id, "url": at, "html_url": x.html(), "pull_requests": r.pullsAt(x.HeadSHA),
		"created_at": stamp(x.created), "updated_at": a.updated, "actor": r.s.showUser(x.Actor), "triggering_actor": r.s.showUser(a.actor), "run_attempt": a.number,
		"referenced_workflows": []any{}, "run_started_at": a.started, "jobs_url": at + "/jobs", "logs_url": at + "/logs", "artifacts_url": at + "/artifacts",
		"check_suite_url": fmt.Sprintf("%s/check-suites/%d", r.api(), suiteID), "cancel_url": at + "/cancel", "rerun_url": at + "/rerun", "previous_attempt_url": nil,
		"workflow_url": fmt.Sprintf("%s/actions/workflows/%d", r.api(), x.workflow.id), "head_commit": r.showSimpleCommit(x.HeadSHA),
		"repository": r.s.showRepo(r), "head_repository": r.s.showRepo(r), "head_repository_id": r.ID}
	if a.number > 1 {
		o["previous_attempt_url"] = fmt.Sprintf("%s/attempts/%d", at, a.number-1)
	}
	return r.s.desc.rest.complete("workflow-run", o)
}

func (x *Run) showJob(j *job) object {
	at := fmt.Sprintf("%s/actions/jobs/%d", x.repo.api(), j.id)
	o := object{"id": j.id, "run_id": x.ID, "workflow_name": x.workflow.name, "head_branch": orNull(x.HeadBranch), "run_url": x.api(), "run_attempt": j.attempt,
		"node_id": nodeID("CheckRun", j.id), "head_sha": x.HeadSHA, "url": at, "html_url": fmt.Sprintf("%s/job/%d", x.html(), j.id), "status": j.status, "conclusion": nil,
		"created_at": j.created, "started_at": j.created, "completed_at": orNull(j.completed), "name": j.Name, "steps": j.showSteps(),
		"check_run_url": fmt.Sprintf("%s/check-runs/%d", x.repo.api(), j.id), "labels": []any{"ubuntu-latest"},
		"runner_id": 1, "runner_name": "GitHub Actions 1", "runner_group_id": 0, "runner_group_name": "GitHub Actions"}
	if j.status == "completed" {
		o["conclusion"] = j.Conclusion
	}
	if j.started != "" {
		o["started_at"] = j.started
	}
	switch {
	case j.Runner == "-" || j.status == "queued":
		o["runner_id"], o["runner_name"], o["runner_group_id"], o["runner_group_name"] = nil, nil, nil, nil
	case j.Runner != "":
		o["runner_name"] = j.Runner
	}
	return o
}

func (j *job) showSteps() []any {
	if len(j.live) > 0 {
		return j.showLive()
	}
	steps := j.Steps
	if len(steps) == 0 && j.Runner != "-" && j.status != "queued" {
		steps = []Step{{Name: "Set up job", Conclusion: "success"}, {Name: "Run", Conclusion: j.Conclusion}}
	}
	out := []any{}
	for i, s := range steps {
		o := object{"name": s.Name, "status": j.status, "conclusion": nil, "number": i + 1, "started_at": orNull(j.started), "completed_at": orNull(j.completed)}
		if j.status == "completed" {
			o["conclusion"] = s.Conclusion
		}
		out = append(out, o)
	}
	return out
}

// onRun finds the run of a call; one whose lag has not passed is unknown.
func onRun(f func(*call, *Run) (answer, error)) handler {
	return func(c *call) (answer, error) {
		id := number(c.params["run_id"])
		for _, x := range c.repo.runs {
			if x.ID == id && !c.s.clock.Now().Before(x.visible) {
				return f(c, x)
			}
		}
		return answer{}, errNotFound
	}
}

// onJob finds the job of a call in any attempt.
func onJob(f func(*call, *Run, *job) (answer, error)) handler {
	return func(c *call) (answer, error) {
		if x, j := c.repo.job(number(c.params["job_id"])); j != nil {
			return f(c, x, j)
		}
		return answer{}, errNotFound
	}
}

func (r *Repo) job(id int64) (*Run, *job) {
	for _, x := range r.runs {
		for _, a := range append(slices.Clone(x.past), x.now) {
			for _, j := range a.jobs {
				if j.id == id {
					return x, j
				}
			}
		}
	}
	return nil, nil
}

func (x *Run) attempt(n int64) (attempt, error) {
	for _, a := range append(slices.Clone(x.past), x.now) {
		if int64(a.number) == n {
			return a, nil
		}
	}
	return attempt{}, errNotFound
}

var runHandlers = map[string]handler{
	"actions/list-workflow-runs-for-repo": func(c *call) (answer, error) { return c.listRuns(func(*Run) bool { return true }) },
	"actions/get-workflow-run":            onRun(func(_ *call, x *Run) (answer, error) { return ok(x.show()) }),
	"actions/get-workflow-run-attempt": onRun(func(c *call, x *Run) (answer, error) {
		a, err := x.attempt(number(c.params["attempt_number"]))
		if err != nil {
			return answer{}, err
		}
		return ok(x.showAttempt(a))
	}),
	"actions/list-jobs-for-workflow-run": onRun(func(c *call, x *Run) (answer, error) {
		jobs := slices.Clone(x.now.jobs)
		if c.query.Get("filter") == "all" {
			jobs = nil
			for _, a := range append(slices.Clone(x.past), x.now) {
				jobs = append(jobs, a.jobs...)
			}
		}
		return page(c, jobs, "jobs", x.showJob), nil
	}),
	"actions/list-jobs-for-workflow-run-attempt": onRun(func(c *call, x *Run) (answer, error) {
		a, err := x.attempt(number(c.params["attempt_number"]))
		if err != nil {
			return answer{}, err
		}
		return page(c, a.jobs, "jobs", x.showJob), nil
	}),
	"actions/get-job-for-workflow-run": onJob(func(_ *call, x *Run, j *job) (answer, error) { return ok(x.showJob(j)) }),
	"actions/re-run-workflow": onRun(func(c *call, x *Run) (answer, error) {
		return c.rerun(x, func(*job) bool { return true })
	}),
	"actions/re-run-workflow-failed-jobs": onRun(func(c *call, x *Run) (answer, error) {
		return c.rerun(x, func(j *job) bool { return !slices.Contains([]string{"success", "skipped", "neutral"}, j.Conclusion) })
	}),
	"actions/re-run-job-for-workflow-run": onJob(func(c *call, x *Run, j *job) (answer, error) {
		return c.rerun(x, func(k *job) bool { return k == j })
	}),
	"actions/cancel-workflow-run":       onRun(func(_ *call, x *Run) (answer, error) { return x.cancel(x.onCancel, neverQueued) }),
	"actions/force-cancel-workflow-run": onRun(func(_ *call, x *Run) (answer, error) { return x.cancel(x.onForce, neverRequeued) }),
	"actions/list-workflow-run-artifacts": onRun(func(*call, *Run) (answer, error) {
		return ok(object{"total_count": 0, "artifacts": []any{}})
	}),
	"actions/download-job-logs-for-workflow-run": onJob(func(c *call, _ *Run, j *job) (answer, error) { return c.logs(j.status, "job", j.id) }),
	"actions/download-workflow-run-logs":         onRun(func(c *call, x *Run) (answer, error) { return c.logs(x.now.status, "run", x.ID) }),
}

func (c *call) rerun(x *Run, again func(*job) bool) (answer, error) {
	if err := x.rerun(c.s.botLogin(), again); err != nil {
		return answer{}, err
	}
	return created(object{})
}

// maxFiltered is the number of runs that a filtered list reaches back.
const maxFiltered = 1000

// listRuns lists newest first with GitHub's filters. "created" is a moment, as
// the description says; GitHub's prose has a search syntax for it as well.
func (c *call) listRuns(keep func(*Run) bool) (answer, error) {
	is := func(key, value string) bool { return !c.query.Has(key) || c.query.Get(key) == value }
	var out []*Run
	for i := len(c.repo.runs) - 1; i >= 0 && len(out) < maxFiltered; i-- {
		x := c.repo.runs[i]
		if keep(x) && !c.s.clock.Now().Before(x.visible) && is("created", x.created.UTC().Format(time.RFC3339)) && is("head_sha", x.HeadSHA) && is("branch", x.HeadBranch) && is("event", x.Event) &&
			is("actor", x.Actor) && is("check_suite_id", itoa(x.suite.id)) && (is("status", x.now.status) || is("status", x.now.conclusion)) {
			out = append(out, x)
		}
	}
	return page(c, out, "workflow_runs", (*Run).show), nil
}

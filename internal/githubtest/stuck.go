package githubtest

import (
	"fmt"
	"net/http"
	"slices"
)

// Cancellation is how GitHub takes the wish to cancel a run.
type Cancellation int

// The ways in which it does. Those beyond Obeyed are what people have met with stuck runs.
const (
	// Obeyed ends the run as cancelled, before the answer is there.
	Obeyed Cancellation = iota
	// Ignored answers 202, and nothing comes of it (gjsify/gjsify#1548: a plain cancel was accepted, and the run stayed queued; a forced one ended it).
	Ignored
	// Refused answers 409, as for runs that GitHub has lost (actions/runner#3872): status queued, no job, neither to be cancelled nor re-run.
	Refused
)

// What GitHub says of a run that is queued to the API and not to whoever should cancel it (actions/runner#3872, letsencrypt/boulder#8932).
const (
	neverQueued   = "Cannot cancel a workflow run that has not been queued yet."
	neverRequeued = "Cannot cancel a workflow re-run that has not yet queued."
)

// SetCancel says how the run takes a cancel and a force-cancel of the API; a new run obeys both.
func (x *Run) SetCancel(cancel, force Cancellation) {
	locked(x, func() int { x.onCancel, x.onForce = cancel, force; return 0 })
}

func (x *Run) cancel(how Cancellation, lost string) (answer, error) {
	switch {
	case x.now.status == "completed":
		return answer{}, refuse(http.StatusConflict, "Cannot cancel a workflow run that is completed.")
	case how == Refused:
		return answer{}, refuse(http.StatusConflict, "%s", lost)
	case how == Ignored:
		return answer{status: http.StatusAccepted, body: object{}}, nil
	}
	for _, j := range x.now.jobs {
		if j.status == "queued" { // no runner has had it, so it has no steps
			j.Runner = "-"
		}
	}
	return answer{status: http.StatusAccepted, body: object{}}, x.complete("cancelled", nil)
}

// DropJobs makes the current attempt one without jobs, as runs have that GitHub accepted and never planned.
func (x *Run) DropJobs() {
	locked(x, func() int { x.now.jobs = nil; return 0 })
}

// SetStatus gives a run that has not ended another status: waiting (for an approval), pending (behind another run of its concurrency
// group) or queued. GitHub sends no workflow_run for such a change.
func (x *Run) SetStatus(status string) error {
	return locked(x, func() error {
		if !slices.Contains([]string{"waiting", "pending", "queued"}, status) || x.now.status == "completed" {
			return fmt.Errorf("set status of run %d, which is %s, to %s", x.ID, x.now.status, status)
		}
		x.now.status, x.now.updated = status, x.repo.s.now()
		return nil
	})
}

// liveStep is a step of a job that goes on.
type liveStep struct {
	name, status, conclusion string
	started, completed       string
}

// Step begins the next step of a job and ends the one before it well. It begins the run, and sends workflow_run.in_progress, when
// that has not happened yet.
func (x *Run) Step(jobName, step string) error {
	return locked(x, func() error {
		if x.now.status != "in_progress" {
			if err := x.progress(); err != nil {
				return err
			}
		}
		if len(x.now.jobs) == 0 { // it is planned only now
			x.now.jobs = []*job{x.newJob(jobName)}
		}
		i := slices.IndexFunc(x.now.jobs, func(j *job) bool { return j.Name == jobName })
		if i < 0 || x.now.jobs[i].status == "completed" {
			return fmt.Errorf("begin step of job %s of run %d: there is no such job, or it is completed", jobName, x.ID)
		}
		j, now := x.now.jobs[i], x.repo.s.now()
		j.endSteps("success", now)
		j.live = append(j.live, &liveStep{name: step, status: "in_progress", started: now})
		return nil
	})
}

func (j *job) endSteps(conclusion, now string) {
	for _, st := range j.live {
		if st.status != "completed" {
			st.status, st.conclusion, st.completed = "completed", conclusion, now
		}
	}
}

func (j *job) showLive() []any {
	out := []any{}
	for i, st := range j.live {
		out = append(out, object{
			"name": st.name, "status": st.status, "conclusion": orNull(st.conclusion), "number": i + 1,
			"started_at": orNull(st.started), "completed_at": orNull(st.completed),
		})
	}
	return out
}

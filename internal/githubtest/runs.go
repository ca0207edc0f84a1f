package githubtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run is a workflow run. The fields do not change; the methods may be called from several goroutines.
type Run struct {
	ID                  int64
	Workflow            string // path of its file
	Event               string
	HeadSHA, HeadBranch string
	Actor               string
	Inputs              map[string]string // of workflow_dispatch, with defaults
	Payload             json.RawMessage   // client_payload of repository_dispatch

	repo     *Repo
	workflow *workflow
	suite    *suite
	number   int
	title    string
	created  time.Time
	visible  time.Time // before this moment the API does not know it
	now      attempt
	past     []attempt
	planned  []Job

	onCancel, onForce Cancellation
}

// attempt is one execution of a run.
type attempt struct {
	number             int
	status, conclusion string
	started, updated   string
	actor              string
	jobs               []*job
}

// Job is what a job of a run came to. An empty Conclusion becomes that of the run.
type Job struct {
	Name, Conclusion string
	Steps            []Step
	Log              string
	Runner           string // name of the machine; "-" for none, as when no runner took it
}

// Step is one step of a job.
type Step struct{ Name, Conclusion string }

type job struct {
	Job
	id                          int64
	attempt                     int
	status                      string
	created, started, completed string
	live                        []*liveStep // once a test has begun one
}

// StartRun starts a run of a workflow of the default branch, named by its file or path, and sends workflow_run.requested. The run stays
// queued until Progress or Complete. The event is for example schedule or push.
func (r *Repo) StartRun(workflow, event string) (*Run, error) {
	r.s.mu.Lock()
	branch := r.branch
	r.s.mu.Unlock()
	return r.StartRunAt(workflow, event, branch, "octocat")
}

// StartRunAt is StartRun on another branch and by another actor.
func (r *Repo) StartRunAt(workflow, event, branch, login string) (*Run, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	w, err := r.workflow(workflow)
	if err != nil {
		return nil, fmt.Errorf("start run of %s in %s: there is no such workflow on the default branch", workflow, r.full())
	}
	sha := r.git.branch(branch)
	if sha == "" {
		return nil, fmt.Errorf("start run of %s in %s: there is no branch %s", workflow, r.full(), branch)
	}
	x := r.newRun(w, event, sha, branch, login)
	x.emit("requested")
	return x, nil
}

func (r *Repo) newRun(w *workflow, event, sha, branch, login string) *Run {
	s := r.s
	s.userOf(login, "User")
	x := &Run{ID: s.newID() * 1000, Workflow: w.path, Event: event, HeadSHA: sha, HeadBranch: branch, Actor: login, repo: r, workflow: w,
		suite: r.suiteOf(sha, "github-actions"), number: 1, title: cmp.Or(w.title, w.name), created: s.clock.Now(), visible: s.clock.Now()}
	for _, y := range r.runs {
		if y.workflow == w {
			x.number++
		}
	}
	x.now = attempt{number: 1, status: "queued", started: s.now(), updated: s.now(), actor: login}
	names := w.jobs
	if len(names) == 0 {
		names = []string{"build"}
	}
	for _, name := range names {
		x.now.jobs = append(x.now.jobs, x.newJob(name))
	}
	r.runs = append(r.runs, x)
	return x
}

func (x *Run) newJob(name string) *job {
	s := x.repo.s
	return &job{Job: Job{Name: name}, id: s.newID() * 1000, attempt: x.now.number, status: "queued", created: s.now()}
}

// Runs are the runs of this repository, oldest first, those that the API does not show yet included.
func (r *Repo) Runs() []*Run {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return slices.Clone(r.runs)
}

// Attempt is the number of the current attempt, from 1.
func (x *Run) Attempt() int { return locked(x, func() int { return x.now.number }) }

// Status is queued, in_progress or completed.
func (x *Run) Status() string { return locked(x, func() string { return x.now.status }) }

// Conclusion is that of the current attempt, "" while it is not completed.
func (x *Run) Conclusion() string { return locked(x, func() string { return x.now.conclusion }) }

func locked[T any](x *Run, f func() T) T {
	x.repo.s.mu.Lock()
	defer x.repo.s.mu.Unlock()
	return f()
}

// SetJobs says what the jobs of the run will come to when it completes; a runner set by SetRunner calls it.
func (x *Run) SetJobs(jobs ...Job) {
	locked(x, func() int { x.planned = jobs; return 0 })
}

// Progress begins a queued run and sends workflow_run.in_progress.
func (x *Run) Progress() error { return locked(x, x.progress) }

func (x *Run) progress() error {
	if x.now.status == "in_progress" || x.now.status == "completed" {
		return fmt.Errorf("begin run %d: it is %s", x.ID, x.now.status)
	}
	x.now.status, x.now.updated = "in_progress", x.repo.s.now()
	for _, j := range x.now.jobs {
		if j.status == "queued" {
			j.status, j.started = "in_progress", x.repo.s.now()
		}
	}
	x.emit("in_progress")
	return nil
}

// Complete ends a run and sends workflow_run.completed. jobs name what they came to; those not named get the run's
// conclusion. A run that ends in startup_failure or action_required has started no jobs.
func (x *Run) Complete(conclusion string, jobs ...Job) error {
	return locked(x, func() error { return x.complete(conclusion, jobs) })
}

func (x *Run) complete(conclusion string, jobs []Job) error {
	if x.now.status == "completed" {
		return fmt.Errorf("complete run %d: it is completed", x.ID)
	}
	if conclusion == "" {
		return errors.New("complete run: a conclusion is needed")
	}
	if len(jobs) == 0 {
		jobs, x.planned = x.planned, nil
	}
	now := x.repo.s.now()
	x.now.status, x.now.conclusion, x.now.updated = "completed", conclusion, now
	if conclusion == "startup_failure" || conclusion == "action_required" {
		x.now.jobs = nil
	}
	for _, want := range jobs {
		i := slices.IndexFunc(x.now.jobs, func(j *job) bool { return j.Name == want.Name })
		if i < 0 {
			x.now.jobs = append(x.now.jobs, x.newJob(want.Name))
			i = len(x.now.jobs) - 1
		}
		if x.now.jobs[i].status != "completed" { // in a re-run of failed jobs the good ones stand
			x.now.jobs[i].Job = want
		}
	}
	for _, j := range x.now.jobs {
		j.finish(conclusion, now)
	}
	x.emit("completed")
	return nil
}

func (j *job) finish(conclusion, now string) {
	if j.status == "completed" {
		return
	}
	if j.Conclusion == "" {
		j.Conclusion = conclusion
		if conclusion == "stale" { // jobs know no such conclusion
			j.Conclusion = "cancelled"
		}
	}
	j.status, j.completed = "completed", now
	j.endSteps(j.Conclusion, now)
	if j.started == "" {
		j.started = now
	}
}

// Cancel ends a run as the button does.
func (x *Run) Cancel() error { return x.Complete("cancelled") }

// Rerun is the button "Re-run all jobs".
func (x *Run) Rerun(login string) error {
	return locked(x, func() error { return x.rerun(login, func(*job) bool { return true }) })
}

// SetCreated moves a run into the past, where it can no longer be re-run after 30 days.
func (x *Run) SetCreated(t time.Time) { locked(x, func() int { x.created = t; return 0 }) }

func (x *Run) emit(action string) {
	r := x.repo
	r.s.emit(r.s.installationOf(r), r, "workflow_run", action, x.now.actor, object{"workflow_run": x.show(), "workflow": r.showWorkflow(x.workflow)})
}

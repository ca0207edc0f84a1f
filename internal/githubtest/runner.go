package githubtest

import (
	"net/http"
	"time"
)

// SetRunner makes runs that were dispatched or re-run go by themselves, in the background: in_progress, then what run
// answers is the conclusion, sent as completed; "" leaves the run in progress. Runs made by StartRun wait for the test.
// nil turns it off.
func (s *Server) SetRunner(run func(*Run) (conclusion string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runner = run
}

// SetDispatchLag makes a dispatched run unknown to the API, and its webhook late, for this long by the double's clock.
func (s *Server) SetDispatchLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
}

// begin announces a new run, after the lag, and lets the runner have it. The caller holds mu.
func (r *Repo) begin(x *Run, lag time.Duration) {
	s := r.s
	if lag <= 0 {
		x.emit("requested")
		x.handOver()
		return
	}
	x.visible = s.clock.Now().Add(lag)
	shown := s.clock.After(lag)
	s.do(func() {
		select {
		case <-shown:
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		x.emit("requested")
		x.handOver()
	})
}

// handOver gives the current attempt to the runner, if there is one. The caller holds mu.
func (x *Run) handOver() {
	s := x.repo.s
	run := s.runner
	if run == nil {
		return
	}
	s.do(func() {
		if x.Progress() != nil { // somebody else has begun or cancelled it
			return
		}
		if conclusion := run(x); conclusion != "" {
			_ = x.Complete(conclusion) // refused only when it was cancelled meanwhile
		}
	})
}

const (
	rerunWindow = 30 * 24 * time.Hour
	maxAttempts = 51 // the first and 50 re-runs
)

// rerun begins a new attempt with the jobs that again accepts; the others keep their outcome. As documented it sends no
// workflow_run.requested.
func (x *Run) rerun(login string, again func(*job) bool) error {
	s := x.repo.s
	forbidden := func(what string) error { return refuse(http.StatusForbidden, "%s", what) }
	switch {
	case x.now.status != "completed":
		return forbidden("This workflow is already running")
	case s.clock.Now().Sub(x.created) > rerunWindow:
		return forbidden("Unable to retry this workflow run because it was created over a month ago")
	case x.now.number >= maxAttempts:
		return forbidden("This workflow run cannot be retried")
	}
	old := x.now
	next := attempt{number: old.number + 1, status: "queued", started: s.now(), updated: s.now(), actor: login}
	x.now = next
	fresh := 0
	for _, j := range old.jobs {
		if again(j) {
			x.now.jobs = append(x.now.jobs, x.newJob(j.Name))
			fresh++
			continue
		}
		kept := *j
		kept.id, kept.attempt = s.newID()*1000, next.number
		x.now.jobs = append(x.now.jobs, &kept)
	}
	if fresh == 0 && len(old.jobs) > 0 {
		x.now = old
		return forbidden("The workflow run containing this job cannot be retried")
	}
	x.past = append(x.past, old)
	s.notify()
	x.handOver()
	return nil
}

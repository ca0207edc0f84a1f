package fallback

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

const (
	jobsOperation    = "actions/list-jobs-for-workflow-run-attempt"
	allJobsOperation = "actions/list-jobs-for-workflow-run"
)

// A run that is at work is not cancelled because GitHub does not show its jobs
// for a while; when it shows them again, the run is watched as before.
func TestJobsThatAreNotShownProveNothing(t *testing.T) {
	for _, effect := range []config.Effect{config.AtMostOnce, config.Idempotent} {
		for _, how := range []string{"404", "an empty list"} {
			t.Run(string(effect)+", "+how, func(t *testing.T) {
				b := newKnownBench(t, config.Workflow{Effect: effect, Recover: []config.Step{rerun, dispatch}})
				x := b.queued("schedule")
				b.pass(time.Minute)
				b.step(x, "Set up job")
				b.observe(x.ID)
				b.step(x, "Charge customers")
				b.pass(29 * time.Minute)
				if how == "404" {
					b.gh.Fault(githubtest.Fault{Operation: jobsOperation, Kind: githubtest.Status, Code: 404, Times: -1})
				} else {
					x.DropJobs()
				}
				b.pass(6 * time.Hour)
				b.gh.ClearFaults()
				b.wantCancels(0, 0)
				if x.Status() != "in_progress" || x.Attempt() != 1 || len(b.effects()) != 0 {
					t.Errorf("attempt %d is %s, effects %v", x.Attempt(), x.Status(), b.effects())
				}
				if how == "404" { // it hangs, as is seen now
					b.pass(time.Hour)
					if inc := b.only(); inc.Signal != Stalled || inc.Confirmed == nil {
						t.Errorf("signal %s, %s: %s", inc.Signal, inc.State, inc.Reason)
					}
				}
			})
		}
	}
}

// Jobs that GitHub never shows, whether it counts none or more than are read:
// the run is believed to hang when it has taken longer than any should, and is
// not cancelled, since it may be at work.
func TestJobsThatAreNeverShown(t *testing.T) {
	for _, answer := range []string{`{"total_count": 0, "jobs": []}`, `{"total_count": 1001, "jobs": []}`} {
		for effect, state := range map[config.Effect]State{config.Idempotent: Verifying, config.AtMostOnce: InDoubt} {
			t.Run(string(effect)+", "+answer, func(t *testing.T) {
				b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{dispatch}})
				hidden := true
				b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
					if hidden && strings.HasSuffix(r.URL.Path, "/jobs") {
						w.Header().Set("Content-Type", "application/json")
						_, _ = w.Write([]byte(answer))
					}
					return hidden && strings.HasSuffix(r.URL.Path, "/jobs")
				})
				x := b.queued("schedule")
				b.step(x, "Sync")
				b.observe(x.ID)
				b.pass(5 * time.Hour)
				hidden = false // a look at it, and it counts from the beginning
				for range 2 {
					b.step(x, "Sync more")
					b.pass(20 * time.Minute)
				}
				hidden = true
				b.pass(6 * time.Hour)
				for _, e := range b.ofState(States...) {
					if e.Confirmed != nil {
						t.Fatalf("believed too early: %s", e.Reason)
					}
				}
				for range 120 {
					if len(b.ofState(Verifying, InDoubt)) == 0 {
						b.pass(time.Minute)
					}
				}
				inc := b.want(state)
				if inc.Signal != Stalled || timelineSays(inc, "GitHub has not shown the jobs of attempt 1 of the run for") == 0 {
					t.Errorf("%s: %+v", inc.Signal, inc.Timeline)
				}
				b.wantCancels(0, 0)
			})
		}
	}
}

// The jobs vanish when the incident is confirmed already and waits for its turn.
func TestJobsVanishBeforeTheCancel(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun}})
	x := b.queued("schedule")
	b.pass(15*time.Minute + 30*time.Second)
	b.want(Suspected)
	b.gh.Fault(githubtest.Fault{Operation: jobsOperation, Kind: githubtest.Status, Code: 404, Times: -1})
	b.pass(time.Hour)
	b.wantCancels(0, 0)
	b.want(Suspected)
	b.gh.ClearFaults()
	b.pass(10 * time.Minute)
	b.wantCancels(1, 0)
	if b.want(Verifying); x.Attempt() != 2 {
		t.Errorf("attempt %d", x.Attempt())
	}
}

// One answer without a job is not enough to cancel what a step has started.
func TestStepsRunWithoutJobsIsAskedForTwice(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.fail("failure")
	b.dispatched()[0].DropJobs()
	var looks []time.Time
	for range 30 * 60 / 5 {
		n := b.gh.Count(jobsOperation)
		b.pass(5 * time.Second)
		if b.gh.Count(jobsOperation) > n {
			looks = append(looks, b.clock.Now())
		}
		if p, _ := b.cancels(); p > 0 {
			break
		}
	}
	b.wantCancels(1, 0)
	if n := len(looks); n < 2 || looks[n-1].Sub(looks[n-2]) < secondLook {
		t.Errorf("looked at %v", looks)
	}
}

// Jobs are read up to the thousandth, page by page.
func TestManyJobs(t *testing.T) {
	for bad, want := range map[int]string{301: "job 301", 1000: "job 1000", 1001: ""} {
		b := newBench(t, config.Workflow{})
		jobs := make([]githubtest.Job, 1001)
		for i := range jobs {
			jobs[i] = githubtest.Job{Name: fmt.Sprintf("job %d", i+1), Conclusion: "success"}
		}
		jobs[0].Name = "build" // which every run of the double has
		jobs[bad-1].Conclusion = "failure"
		b.fail("failure", jobs...)
		if inc := b.only(); inc.FailedJob != want {
			t.Errorf("failed is %q, found %q", jobs[bad-1].Name, inc.FailedJob)
		}
	}
}

// What GitHub does not show is no failure of the code.
func TestCauseWithoutJobsIsUnknown(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: jobsOperation, Kind: githubtest.Status, Code: 404, Times: 1})
	b.fail("failure", githubtest.Job{Name: "build", Conclusion: "failure"})
	if inc := b.only(); inc.Cause != causeUnknown {
		t.Errorf("cause %s", inc.Cause)
	}
}

package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// operation is the request of each kind of step.
var operation = map[string]string{
	kindRerun:              "actions/re-run-workflow-failed-jobs",
	kindDispatch:           "actions/create-workflow-dispatch",
	kindRepositoryDispatch: "repos/create-dispatch-event",
}

var kinds = map[string]config.Step{kindRerun: rerun, kindDispatch: dispatch, kindRepositoryDispatch: event, kindRun: local}

// succeed ends whatever the step of the only incident has started, well.
func (b *bench) succeed() {
	b.Helper()
	for _, x := range b.repo.Runs() {
		if x.Status() != "completed" {
			b.end(x, "success")
			b.observe(x.ID)
		}
	}
}

// The process dies at each point between a commit and an effect, for each kind
// of step. The next one finishes: the effect has happened exactly once.
func TestCrash(t *testing.T) {
	for kind, rung := range kinds {
		for _, point := range []string{pointIntent, pointEffect} {
			t.Run(kind+"/"+point, func(t *testing.T) {
				b := newBench(t, config.Workflow{Recover: []config.Step{rung}})
				b.crash = point
				b.fail("failure")
				if b.crash != "" {
					t.Fatal("the process did not die")
				}
				b.pass(settleOnce + time.Minute)
				if kind == kindRepositoryDispatch && point == pointIntent {
					// That nothing reacted is known; whether the event was sent is
					// not, and it is never sent again.
					if got := b.effects()[kind]; got != 0 {
						t.Errorf("sent %d times", got)
					}
					b.want(Exhausted)
					return
				}
				b.succeed()
				inc := b.want(Recovered)
				if diff := cmp.Diff(map[string]int{kind: 1}, b.effects()); diff != "" {
					t.Error(diff)
				}
				var epochs []int64
				for _, st := range inc.Steps {
					epochs = append(epochs, st.Epoch)
				}
				if point == pointIntent && (len(epochs) != 2 || epochs[1] <= epochs[0]) {
					t.Errorf("epochs %v: a repetition must have a higher one", epochs)
				}
				if point == pointEffect && len(epochs) != 1 {
					t.Errorf("epochs %v: the effect was there, and has to be adopted", epochs)
				}
			})
		}
	}
}

// The process dies at every point of a whole ladder, one after the other.
func TestCrashEverywhere(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun, dispatch, event, local}})
	b.actions.exit["git-sync"] = 1
	crashes := 0
	died := func() error { crashes++; return errCrash }
	seen := map[string]bool{}
	arm := func() {
		b.engine.at = func(point string) error {
			inc := b.only()
			if at := point + inc.Steps[len(inc.Steps)-1].Kind; point == pointEffect && !seen[at] {
				seen[at] = true
				return died()
			}
			return nil
		}
	}
	arm()
	b.fail("failure")
	for range 8 {
		arm()
		b.pass(time.Minute)
		for _, x := range b.repo.Runs() {
			if x.Status() != "completed" {
				b.end(x, "failure")
				arm()
				b.observe(x.ID)
			}
		}
	}
	b.want(Exhausted)
	if crashes != 4 {
		t.Errorf("died %d times, want 4", crashes)
	}
	if diff := cmp.Diff(map[string]int{kindRerun: 1, kindDispatch: 1, kindRepositoryDispatch: 1, kindRun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// GitHub does the work and its answer is lost.
func TestAnswerLostAfterTheEffect(t *testing.T) {
	for kind, op := range operation {
		for _, fault := range []githubtest.Fault{{Kind: githubtest.Reset}, {Kind: githubtest.Status, Code: 502}, {Kind: githubtest.Truncate}, {Kind: githubtest.BadJSON}} {
			t.Run(kind+"/"+fault.Kind.String(), func(t *testing.T) {
				b := newBench(t, config.Workflow{Recover: []config.Step{kinds[kind]}})
				fault.Operation, fault.AfterEffect = op, true
				b.gh.Fault(fault)
				b.fail("failure")
				b.want(Verifying)
				b.succeed()
				inc := b.want(Recovered)
				if diff := cmp.Diff(map[string]int{kind: 1}, b.effects()); diff != "" {
					t.Error(diff)
				}
				if len(inc.Steps) != 1 {
					t.Errorf("steps %v", steps(inc))
				}
			})
		}
	}
}

// The request itself is lost: asking shows that nothing happened, and it is
// made once more, under a higher epoch.
func TestRequestLost(t *testing.T) {
	for _, kind := range []string{kindRerun, kindDispatch} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{kinds[kind]}})
			b.gh.Fault(githubtest.Fault{Operation: operation[kind], Kind: githubtest.Reset})
			b.fail("failure")
			b.want(Recovering)
			if n := b.gh.Count(operation[kind]); n != 1 {
				t.Fatalf("%d requests before the answer could be known", n)
			}
			b.pass(settleOnce + time.Minute)
			b.want(Verifying)
			b.succeed()
			inc := b.want(Recovered)
			if diff := cmp.Diff([]string{kind + " not_done", kind + " succeeded"}, steps(inc)); diff != "" {
				t.Error(diff)
			}
			if inc.Steps[0].Epoch >= inc.Steps[1].Epoch {
				t.Errorf("epochs %d, %d", inc.Steps[0].Epoch, inc.Steps[1].Epoch)
			}
		})
		t.Run(kind+" for good", func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{kinds[kind]}})
			b.gh.Fault(githubtest.Fault{Operation: operation[kind], Kind: githubtest.Reset, Times: -1})
			b.fail("failure")
			b.pass(2*settleOnce + time.Minute)
			b.want(Exhausted)
			if n := b.gh.Count(operation[kind]); n != maxNotDone {
				t.Errorf("%d requests, want %d", n, maxNotDone)
			}
		})
	}
}

// A run that becomes visible late is found within the settle time.
func TestDispatchedRunShowsUpLate(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.SetDispatchLag(90 * time.Second)
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	b.fail("failure")
	b.want(Recovering)
	b.pass(2 * time.Minute)
	b.want(Verifying)
	if diff := cmp.Diff(map[string]int{kindDispatch: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// Our clock is ahead of GitHub's, as far as GitHub lets an App authenticate:
// the run seems to be older than the intent, and is found all the same.
func TestClockAhead(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	b.engine.at = func(point string) error {
		if point == pointEffect {
			b.dispatched()[0].SetCreated(b.clock.Now().Add(-clockSkew))
		}
		return nil
	}
	b.fail("failure")
	b.pass(10 * time.Minute)
	b.want(Verifying)
	if diff := cmp.Diff(map[string]int{kindDispatch: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// An older server does not say which run it started.
func TestServerThatNamesNoRun(t *testing.T) {
	b := newBenchOn(t, githubtest.Config{Enterprise: true}, config.Workflow{Recover: []config.Step{dispatch}})
	// A run of the same workflow that is a person's, at the same moment.
	if _, err := b.repo.StartRun(fallbackPath, "workflow_dispatch"); err != nil {
		t.Fatal(err)
	}
	b.fail("failure")
	inc := b.want(Verifying)
	if child := b.dispatched(); len(child) != 1 || inc.Steps[0].Run != child[0].ID {
		t.Errorf("follows %d of %+v", inc.Steps[0].Run, child)
	}
}

func TestTwoRunsCouldBeIt(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	if _, err := b.repo.StartRunAt(fallbackPath, "workflow_dispatch", "main", "redundancy[bot]"); err != nil {
		t.Fatal(err)
	}
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	x := b.fail("failure")
	inc := b.want(InDoubt)
	if strings.Count(string(inc.Steps[0].Evidence), "/actions/runs/") != 2 {
		t.Errorf("evidence %s", inc.Steps[0].Evidence)
	}
	if c := b.check(x.HeadSHA); c.Conclusion != "action_required" {
		t.Errorf("check %s", c.Conclusion)
	}
	b.pass(24 * time.Hour)
	b.want(InDoubt) // never by time alone
	if n := b.gh.Count(operation[kindDispatch]); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A limit is no failure of the step and costs no look-up: nothing was taken on.
func TestRateLimit(t *testing.T) {
	for _, kind := range []githubtest.FaultKind{githubtest.Primary, githubtest.Secondary} {
		for _, code := range []int{403, 429} {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: kind, Code: code, RetryAfter: 90 * time.Second})
			b.fail("failure")
			inc := b.want(Recovering)
			if diff := cmp.Diff([]string{"dispatch not_sent"}, steps(inc)); diff != "" {
				t.Error(diff)
			}
			b.pass(time.Minute)
			b.want(Recovering)
			b.pass(time.Minute)
			b.want(Verifying)
			if diff := cmp.Diff(map[string]int{kindDispatch: 1}, b.effects()); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestActionWhoseHostDied(t *testing.T) {
	for effect, want := range map[config.Effect]State{"": InDoubt, config.Guarded: InDoubt, config.Idempotent: Verifying} {
		t.Run(string(effect), func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{local, dispatch}})
			b.actions.lose = true
			b.crash = pointEffect
			b.fail("failure")
			if want == InDoubt {
				inc := b.want(InDoubt)
				if len(inc.Steps) != 1 || b.actions.count() != 1 {
					t.Errorf("steps %v, ran %v", steps(inc), b.actions.ran)
				}
				claim, _, err := b.store.Claim(b.ctx, OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", b.repo.Head("main"), inc.Run))
				if err != nil || claim.State != store.ClaimInDoubt {
					t.Errorf("claim %+v %v", claim, err)
				}
				return
			}
			inc := b.want(want) // the dispatch, after the action was done twice
			if steps(inc)[0] != "run not_done" || b.actions.count() != maxNotDone {
				t.Errorf("steps %v, ran %v", steps(inc), b.actions.ran)
			}
		})
	}
}

// While an installation is suspended nothing is known of it, and nothing is lost.
func TestSuspendedInstallation(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.fail("failure")
	if err := b.gh.Suspend(b.at.InstallationID); err != nil {
		t.Fatal(err)
	}
	b.clients.Forget(b.at.InstallationID)
	b.pass(10 * time.Minute)
	b.want(Verifying)
	if err := b.gh.Unsuspend(b.at.InstallationID); err != nil {
		t.Fatal(err)
	}
	b.clients.Forget(b.at.InstallationID)
	b.end(b.dispatched()[0], "success")
	b.pass(pollDormant)
	b.want(Recovered)
}

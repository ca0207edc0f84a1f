package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// newLateBench is at a moment 70 minutes after a tick that a step has made up for.
func newLateBench(t *testing.T, late config.Late) *bench {
	t.Helper()
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: late}, Recover: []config.Step{dispatch}})
	b.until(tick.Add(70 * time.Minute))
	b.fallbackWorked()
	b.want(Recovered)
	return b
}

// What became of a late run is written down for good, so not from an answer
// that shows nothing of it.
func TestLateRunWhoseJobsAreNotShown(t *testing.T) {
	for conclusion, want := range map[string]string{"success": latePrimaryDuplicate, "failure": latePrimaryDuplicate} {
		t.Run(conclusion, func(t *testing.T) {
			b := newLateBench(t, "")
			b.gh.Fault(githubtest.Fault{Operation: allJobsOperation, Kind: githubtest.Status, Code: 404, Times: 1})
			x := must(b.repo.StartRun(primaryPath, schedule.Event))
			b.step(x, "Publish")
			b.end(x, conclusion)
			b.see(x)
			b.observe(x.ID)
			b.pass(6 * time.Hour)
			if inc := b.only(); inc.Late != want {
				t.Errorf("late primary %q", inc.Late)
			}
		})
	}
}

// The first attempt has done its work before somebody re-ran it: the second,
// none of whose steps has begun, is no run without effect.
func TestLateRunThatWorkedInItsFirstAttempt(t *testing.T) {
	b := newLateBench(t, config.LateCancel)
	x := must(b.repo.StartRun(primaryPath, schedule.Event)) // its webhooks are lost
	b.step(x, "Publish")
	b.end(x, "failure")
	b.again(x)
	b.see(x)
	b.pass(10 * time.Minute)
	if inc := b.only(); inc.Late != latePrimaryDuplicate {
		t.Errorf("late primary %q", inc.Late)
	}
	b.wantCancels(0, 0)
}

// A pause holds the cancel of a late run, too.
func TestLateRunIsNotCancelledWhilePaused(t *testing.T) {
	b := newLateBench(t, config.LateCancel)
	b.pause(PauseRequest{Actor: "alice", Reason: "hands off"})
	b.come()
	b.pass(10 * time.Minute)
	b.wantCancels(0, 0)
	b.resume(ResumeRequest{Actor: "alice"})
	b.pass(pollDoubt)
	b.wantCancels(1, 0)
	if inc := b.only(); inc.Late != latePrimaryCancelled {
		t.Errorf("late primary %q", inc.Late)
	}
}

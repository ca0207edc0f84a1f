package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// again is a person's re-run of a run.
func (b *bench) again(x *githubtest.Run) {
	b.Helper()
	if err := x.Rerun("octocat"); err != nil {
		b.Fatal(err)
	}
}

func TestHumanRerunSucceeds(t *testing.T) {
	t.Run("while the fallback is verified", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
		x := b.fail("failure")
		b.again(x)
		b.end(x, "success")
		b.observe(x.ID)
		inc := b.want(Superseded)
		if inc.Steps[0].State != store.StepSuperseded || !strings.Contains(string(inc.Evidence), "also_started") {
			t.Errorf("steps %v, evidence %s", steps(inc), inc.Evidence)
		}
		// The fallback's own end comes later, and opens and changes nothing.
		b.end(b.dispatched()[0], "failure")
		b.observe(b.dispatched()[0].ID)
		b.want(Superseded)
		if b.actions.count() != 0 {
			t.Error("the next step ran")
		}
		if c := b.check(x.HeadSHA); c.Conclusion != "success" {
			t.Errorf("check %s", c.Conclusion)
		}
	})
	t.Run("when exhausted", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		x := b.fail("failure")
		b.want(Exhausted)
		b.again(x)
		b.end(x, "success")
		b.observe(x.ID)
		b.want(Superseded)
		claim, ok, err := b.store.Claim(b.ctx, OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID))
		if err != nil || !ok || claim.State != store.ClaimDone {
			t.Errorf("claim %+v %v", claim, err)
		}
	})
}

// Before each further step the run is read again: one that somebody has
// started is waited for, even when its webhook was lost.
func TestHumanRerunIsFollowed(t *testing.T) {
	for conclusion, want := range map[string]State{"success": Superseded, "failure": Recovered} {
		t.Run(conclusion, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
			x := b.fail("failure")
			b.again(x)
			child := b.dispatched()[0]
			b.end(child, "failure")
			b.observe(child.ID)
			inc := b.want(Recovering)
			b.pass(3 * time.Minute)
			if b.actions.count() != 0 {
				t.Fatal("the next step began while the run itself ran again")
			}
			if !strings.Contains(inc.Timeline[len(inc.Timeline)-1].Reason, "attempt 2 of the run is under way") {
				t.Errorf("timeline ends with %q", inc.Timeline[len(inc.Timeline)-1].Reason)
			}
			b.end(x, conclusion)
			b.pass(pollMax)
			b.want(want)
		})
	}
}

// An attempt of a person's that fails is the same occurrence.
func TestHumanRerunFailsAgain(t *testing.T) {
	b := newBench(t, config.Workflow{})
	x := b.fail("failure")
	b.want(Exhausted)
	b.again(x)
	b.end(x, "timed_out")
	b.observe(x.ID, x.ID)
	inc := b.want(Exhausted)
	last := inc.Timeline[len(inc.Timeline)-1]
	if inc.Attempt != 2 || last.From != last.To || !strings.Contains(last.Reason, "attempt 2, started by octocat, concluded timed_out") {
		t.Errorf("attempt %d, %q", inc.Attempt, last.Reason)
	}
}

// Somebody re-runs in the moment in which we do. GitHub takes the first one;
// the refusal is no failure of the step.
func TestRerunAtTheSameTime(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	var x *githubtest.Run
	b.engine.at = func(point string) error {
		if point == pointIntent {
			b.again(x)
		}
		return nil
	}
	x = b.run(primaryPath, "schedule", "failure")
	b.observe(x.ID)
	inc := b.want(Recovering)
	if inc.Steps[0].State != store.StepNotSent || x.Attempt() != 2 {
		t.Errorf("steps %v, attempt %d", steps(inc), x.Attempt())
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Superseded)
}

// Our attempt fails, and before we look somebody's next one succeeds: that is
// theirs, not our evidence.
func TestSomebodyElsesAttemptIsNotOurEvidence(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	x := b.fail("failure")
	b.want(Verifying)
	b.end(x, "failure")
	b.again(x)
	b.end(x, "success")
	b.observe(x.ID)
	inc := b.want(Superseded)
	if inc.Steps[0].State != store.StepSuperseded || !strings.Contains(inc.Reason, "attempt 3") {
		t.Errorf("%s, steps %v", inc.Reason, steps(inc))
	}
}

func TestLaterSuccessReArms(t *testing.T) {
	b := newBench(t, config.Workflow{})
	x := b.fail("failure")
	b.clock.Advance(time.Hour)
	b.observe(b.run(primaryPath, "pull_request", "success").ID)
	b.want(Exhausted)
	b.observe(b.run(primaryPath, "schedule", "success").ID)
	b.want(Healthy)
	if c := b.check(x.HeadSHA); c.Conclusion != "neutral" || len(c.Actions) != 0 {
		t.Errorf("check %s %v", c.Conclusion, c.Actions)
	}
	b.clock.Advance(time.Hour)
	b.fail("failure")
	if n := b.incidents(); n != 2 {
		t.Errorf("%d incidents, want 2", n)
	}
}

// An earlier success that is observed late is none.
func TestEarlierSuccessDoesNotReArm(t *testing.T) {
	b := newBench(t, config.Workflow{})
	early := b.run(primaryPath, "schedule", "success")
	b.clock.Advance(time.Hour)
	b.fail("failure")
	b.observe(early.ID)
	b.want(Exhausted)
}

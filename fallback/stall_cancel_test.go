package fallback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// GitHub has lost the run: it can be neither cancelled nor run again. A fresh
// one is started where that does no harm.
func TestOrphan(t *testing.T) {
	orphan := func(t *testing.T, effect config.Effect) (*bench, *githubtest.Run) {
		b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{rerun, dispatch}})
		x := b.queued("schedule")
		x.DropJobs()
		x.SetCancel(githubtest.Refused, githubtest.Refused)
		b.pass(20 * time.Minute)
		b.wantCancels(1, 1)
		return b, x
	}
	t.Run("idempotent", func(t *testing.T) {
		b, x := orphan(t, config.Idempotent)
		inc := b.want(Verifying)
		if diff := cmp.Diff([]string{"rerun skipped", "dispatch started"}, steps(inc)); diff != "" {
			t.Error(diff)
		}
		b.end(b.dispatched()[0], "success")
		b.observe(b.dispatched()[0].ID)
		b.want(Recovered)
		b.pass(48 * time.Hour)
		if inc := b.want(Recovered); timelineSays(inc, "duplicate possible") != 0 || inc.Late != "" {
			t.Error("a duplicate of a run that never moved")
		}
		b.wantCancels(1, 1)

		b.step(x, "Sync")
		b.observe(x.ID, x.ID)
		if inc := b.want(Recovered); timelineSays(inc, "duplicate possible") != 1 || inc.Late != latePrimaryDuplicate {
			t.Errorf("late primary %q", inc.Late)
		}
		b.end(x, "failure")
		b.observe(x.ID)
		b.want(Recovered)
	})
	t.Run("at most once", func(t *testing.T) {
		b, x := orphan(t, config.AtMostOnce)
		b.want(InDoubt)
		if len(b.effects()) != 0 {
			t.Error("acted although the run can still begin", b.effects())
		}
		b.step(x, "Sync")
		b.end(x, "success")
		b.observe(x.ID)
		if inc := b.want(Superseded); timelineSays(inc, "duplicate") != 0 {
			t.Error("a duplicate of nothing")
		}
	})
	t.Run("at most once, GitHub ends it in the end", func(t *testing.T) {
		b, x := orphan(t, config.AtMostOnce)
		b.want(InDoubt)
		if err := x.Cancel(); err != nil {
			t.Fatal(err)
		}
		b.observe(x.ID)
		b.pass(time.Minute)
		b.want(Verifying)
	})
}

func TestCancelHasNoEffect(t *testing.T) {
	for name, tc := range map[string]struct {
		force  githubtest.Cancellation
		want   string
		forced int
	}{"until it is forced": {githubtest.Obeyed, "rerun", 1}, "and force has none": {githubtest.Ignored, "dispatch", 1}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}})
			x := b.queued("schedule")
			x.SetCancel(githubtest.Ignored, tc.force)
			b.pass(20 * time.Minute)
			b.wantCancels(1, 0)
			b.want(Failing)
			b.pass(12 * time.Minute)
			inc := b.want(Verifying)
			b.wantCancels(1, tc.forced)
			if last := inc.Steps[len(inc.Steps)-1]; last.Kind != tc.want {
				t.Errorf("steps %v", steps(inc))
			}
		})
	}
}

// A re-run keeps created_at. Neither our own attempt 2 nor somebody's is older
// than its own start: what cancels it before its time never recovers anything.
func TestRerunIsNotCancelledAgain(t *testing.T) {
	t.Run("ours", func(t *testing.T) {
		b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun}})
		x := b.queued("schedule")
		b.pass(20 * time.Minute)
		b.want(Verifying)
		b.wantCancels(1, 0)
		b.pass(10 * time.Minute) // 30 minutes after created_at, not yet 15 after its own start
		b.observe(x.ID)
		b.wantCancels(1, 0)
		if x.Status() != "queued" || x.Attempt() != 2 {
			t.Fatalf("attempt %d is %s", x.Attempt(), x.Status())
		}
		b.step(x, "Sync")
		b.pass(20 * time.Minute)
		b.end(x, "success")
		b.observe(x.ID)
		b.want(Recovered)
		b.wantCancels(1, 0)
	})
	t.Run("somebody's", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		x := b.run(primaryPath, "schedule", "success")
		b.observe(x.ID)
		b.clock.Advance(3 * time.Hour)
		b.again(x)
		b.observe(x.ID)
		b.pass(4 * time.Minute)
		if n := b.incidents(); n != 0 {
			t.Fatalf("%d incidents of an attempt that is 4 minutes old", n)
		}
		b.pass(2 * time.Minute)
		b.want(Suspected)
	})
	t.Run("ours is stuck as well", func(t *testing.T) {
		b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}})
		b.queued("schedule")
		b.pass(20 * time.Minute)
		b.pass(25 * time.Minute)
		inc := b.want(Verifying)
		if diff := cmp.Diff([]string{"rerun failed", "dispatch started"}, steps(inc)); diff != "" {
			t.Error(diff)
		}
		b.wantCancels(2, 0)
	})
	t.Run("ours is lost", func(t *testing.T) {
		for effect, want := range map[config.Effect]State{config.Idempotent: Verifying, config.AtMostOnce: InDoubt} {
			t.Log(effect)
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{rerun, dispatch}})
			x := b.queued("schedule")
			b.pass(20 * time.Minute)
			x.SetCancel(githubtest.Refused, githubtest.Refused)
			b.pass(25 * time.Minute)
			inc := b.want(want)
			b.wantCancels(2, 1)
			if want == Verifying && b.effects()[kindDispatch] != 1 || want == InDoubt && b.effects()[kindDispatch] != 0 {
				t.Errorf("steps %v", steps(inc))
			}
		}
	})
}

// Somebody re-runs while the incident of the failure waits, and that attempt
// is stuck: it is taken up, not waited for.
func TestSomebodysRerunIsStuck(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch, local}})
	x := b.fail("failure")
	b.again(x)
	child := b.dispatched()[0]
	b.end(child, "failure")
	b.observe(child.ID, x.ID)
	b.want(Recovering)
	b.pass(25 * time.Minute)
	inc := b.want(Recovered) // by the next step
	b.wantCancels(1, 0)
	if inc.Signal != Stalled || inc.Attempt != 2 {
		t.Errorf("signal %s, attempt %d", inc.Signal, inc.Attempt)
	}
}

// A crash around the cancel leads neither to a second re-run nor to none.
func TestCrashAroundTheCancel(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	x := b.queued("schedule")
	b.pass(15 * time.Minute)
	crashes := 0
	b.engine.at = func(point string) error {
		if point == pointEffect && crashes == 0 {
			crashes++
			return errCrash
		}
		return nil
	}
	b.pass(5 * time.Minute)
	b.want(Verifying)
	if crashes != 1 || x.Attempt() != 2 {
		t.Errorf("%d crashes, attempt %d", crashes, x.Attempt())
	}
	if diff := cmp.Diff(map[string]int{kindRerun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// What holds the recovery back holds the cancel back as well: a run that is
// cancelled and has no successor is worse off than one in the queue.
func TestHeldRunIsNotCancelled(t *testing.T) {
	b := newBench(t, config.Workflow{
		Effect: config.Idempotent, Recover: []config.Step{local}, Breaker: config.Breaker{Failures: 1, Cooldown: config.Duration(6 * time.Hour)},
	})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	b.want(Exhausted)
	x := b.queued("schedule")
	b.pass(time.Hour)
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil || len(list) != 2 || list[0].State != Suppressed || list[0].Signal != Stalled {
		t.Fatalf("%v %+v", err, list)
	}
	b.wantCancels(0, 0)
	b.actions.exit["git-sync"] = 0
	b.pass(6 * time.Hour)
	b.wantState(b.incident(list[0].ID), Recovered)
	b.wantCancels(1, 0)
	if x.Conclusion() != "cancelled" {
		t.Errorf("the run is %s", x.Status())
	}
}

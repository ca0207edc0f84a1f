package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// queued is a run of the watched workflow that stays in the queue, and that the
// engine has heard of.
func (b *bench) queued(event string) *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(primaryPath, event)
	if err != nil {
		b.Fatal(err)
	}
	b.observe(x.ID)
	return x
}

func (b *bench) step(x *githubtest.Run, name string) {
	b.Helper()
	if err := x.Step("build", name); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) cancels() (plain, forced int) {
	return b.gh.Count("actions/cancel-workflow-run"), b.gh.Count("actions/force-cancel-workflow-run")
}

func (b *bench) wantCancels(plain, forced int) {
	b.Helper()
	if p, f := b.cancels(); p != plain || f != forced {
		b.Errorf("%d cancels and %d forced ones, want %d and %d", p, f, plain, forced)
	}
}

// timelineSays counts the lines of a timeline that contain a text.
func timelineSays(inc Incident, text string) int {
	n := 0
	for _, e := range inc.Timeline {
		if strings.Contains(e.Reason, text) {
			n++
		}
	}
	return n
}

func TestQueuedRunIsCancelledAndRunAgain(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}}) // at_most_once: the cancelled run proves itself
	x := b.queued("schedule")
	b.pass(5*time.Minute - time.Second)
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents before the grace is over", n)
	}
	b.pass(time.Second)
	b.want(Suspected)
	b.pass(10*time.Minute - time.Second)
	b.want(Suspected)
	if b.gh.Count("checks/create") != 0 {
		t.Error("a suspicion was published")
	}
	b.wantCancels(0, 0)
	b.pass(2 * time.Minute)
	inc := b.want(Verifying)
	b.wantCancels(1, 0)
	if x.Attempt() != 2 || inc.Signal != Stalled || inc.Cause != string(config.Infrastructure) {
		t.Errorf("attempt %d, signal %s, cause %s", x.Attempt(), inc.Signal, inc.Cause)
	}
	b.step(x, "Sync")
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Recovered)
	if diff := cmp.Diff(map[string]int{kindRerun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

func TestQueuedRunBegins(t *testing.T) {
	for conclusion, want := range map[string]State{"success": Healthy, "cancelled": Healthy, "failure": Exhausted} {
		t.Run(conclusion, func(t *testing.T) {
			b := newBench(t, config.Workflow{})
			x := b.queued("schedule")
			b.pass(10 * time.Minute)
			b.want(Suspected)
			b.step(x, "Set up job")
			b.pass(10 * time.Minute)
			inc := b.want(Healthy)
			if timelineSays(inc, "the run has begun, after 10m") != 1 {
				t.Errorf("timeline %+v", inc.Timeline)
			}
			b.end(x, conclusion)
			b.observe(x.ID)
			b.want(want)
			b.pass(24 * time.Hour)
			b.wantCancels(0, 0)
		})
	}
}

// The suspicion is over when the webhook of the end was lost as well.
func TestEndIsNoticedWithoutItsWebhook(t *testing.T) {
	for name, at := range map[string]time.Duration{"before the first look": time.Minute, "while suspected": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			x := b.queued("schedule")
			b.pass(at)
			b.end(x, "failure")
			b.pass(20 * time.Minute)
			inc := b.want(Verifying)
			if inc.Signal != Failed {
				t.Errorf("signal %s", inc.Signal)
			}
			b.wantCancels(0, 0)
		})
	}
}

func TestRunHangs(t *testing.T) {
	for name, tc := range map[string]struct {
		effect config.Effect
		cancel config.Cancel
		want   State
		steps  []string
		plain  int
	}{
		"idempotent":                 {config.Idempotent, "", Verifying, []string{"rerun skipped", "dispatch started"}, 0},
		"at most once":               {config.AtMostOnce, "", InDoubt, []string{"rerun skipped"}, 0},
		"may be cancelled":           {config.AtMostOnce, config.CancelAlways, Verifying, []string{"rerun started"}, 1},
		"must not be cancelled ever": {config.Idempotent, config.CancelNever, Verifying, []string{"rerun skipped", "dispatch started"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: tc.effect, Stall: config.Stall{Cancel: tc.cancel}, Recover: []config.Step{rerun, dispatch}})
			x := b.queued("schedule")
			b.step(x, "Set up job")
			b.pass(10 * time.Minute)
			b.step(x, "Sync")
			b.observe(x.ID)
			b.pass(30*time.Minute - time.Second)
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents", n)
			}
			b.pass(time.Second)
			b.want(Suspected) // nothing is known of its usual duration
			b.pass(85 * time.Minute)
			inc := b.want(tc.want)
			if diff := cmp.Diff(tc.steps, steps(inc)); diff != "" {
				t.Error(diff)
			}
			b.wantCancels(tc.plain, 0)
		})
	}
}

func TestRunMovesOn(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	x := b.queued("schedule")
	for _, name := range []string{"Set up job", "Build", "Sync"} {
		b.step(x, name)
		b.pass(35 * time.Minute)
	}
	b.want(Suspected)
	b.step(x, "Report")
	b.pass(time.Minute)
	b.want(Suspected) // nobody has looked yet
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Healthy)
	if len(b.effects()) != 0 {
		t.Error(b.effects())
	}
}

// A person who cancels a stuck run has decided.
func TestSomebodyCancelsAStuckRun(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, local}})
	x := b.queued("schedule")
	x.SetCancel(githubtest.Ignored, githubtest.Ignored)
	b.configs.c.Workflows[0].Stall.Cancel = config.CancelNever
	b.pass(10 * time.Minute)
	b.want(Suspected)
	if err := x.Cancel(); err != nil {
		t.Fatal(err)
	}
	b.observe(x.ID)
	b.want(Healthy)
	if len(b.effects()) != 0 {
		t.Error(b.effects())
	}
}

// A suspicion that was held back, as while GitHub is down, ends when the run begins.
func TestHeldSuspicionEnds(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
	x := b.queued("schedule")
	b.pass(10 * time.Minute)
	id := b.want(Suspected).ID
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		inc, _, err := store.ReadIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		inc.HeldBy = "upstream"
		return b.engine.move(ctx, tx, &inc, Suppressed, "GitHub is down", nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.step(x, "Sync")
	b.observe(x.ID)
	b.want(Healthy)
	b.pass(3 * time.Hour) // and it hangs: that is noticed as before
	if inc := b.want(Recovered); inc.Signal != Stalled {
		t.Errorf("signal %s", inc.Signal)
	}
}

// A run that has been stuck since before the workflow was watched is nobody's,
// and one that a later run has made pointless needs no recovery.
func TestOldOrphans(t *testing.T) {
	t.Run("before the watch", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		x := b.startPushed()
		b.clock.Advance(time.Hour)
		w, _, err := store.ReadWatch(b.ctx, b.store.Read(), b.at.ID, primaryPath)
		if err != nil {
			t.Fatal(err)
		}
		w.WatchedSince = store.MillisOf(b.clock.Now())
		if err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return tx.SaveWatch(ctx, &w) }); err != nil {
			t.Fatal(err)
		}
		b.observe(x.ID)
		b.pass(24 * time.Hour)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("a later run has succeeded", func(t *testing.T) {
		b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		x, err := b.repo.StartRun(primaryPath, "schedule")
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(3 * time.Hour)
		b.run(primaryPath, "schedule", "success") // nobody has told us
		b.observe(x.ID)
		b.pass(time.Hour)
		if inc := b.want(Healthy); inc.Confirmed != nil || len(b.effects()) != 0 || b.gh.Count("checks/create") != 0 {
			t.Errorf("confirmed %v, effects %v", inc.Confirmed, b.effects())
		}
	})
}

// Who asks for the recovery of a run that may still begin is told that nothing
// is done yet, and that it will be.
func TestRecoverARunThatMayHang(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}, Stall: config.Stall{Queued: config.Duration(6 * time.Hour)}})
	b.queued("schedule")
	b.pass(2*time.Hour + time.Minute)
	inc := b.want(Suspected)
	a := b.ask(queue.Recover{IncidentID: inc.ID, Actor: "mona"})
	if a.Accepted || !strings.Contains(a.Message, "is a suspicion so far: attempt 1 of the run has waited 2h") {
		t.Errorf("%+v", a)
	}
	b.pass(time.Hour)
	if inc = b.want(Suspected); len(inc.Steps) != 0 {
		t.Errorf("steps %v", steps(inc))
	}
	b.pass(4 * time.Hour)
	if inc = b.only(); inc.State == Suspected {
		t.Errorf("%s: %s", inc.State, inc.Reason)
	}
}

package fallback

import (
	"slices"
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

func TestWaitingIsNotStalling(t *testing.T) {
	for _, status := range []string{"waiting", "pending"} {
		t.Run(status, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
			x := b.queued("schedule")
			if err := x.SetStatus(status); err != nil {
				t.Fatal(err)
			}
			b.pass(72 * time.Hour)
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents", n)
			}
			// Approved: its time in the queue begins now, give or take a look.
			if err := x.SetStatus("queued"); err != nil {
				t.Fatal(err)
			}
			b.pass(4 * time.Minute)
			b.observe(x.ID)
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents of a run that was approved 4 minutes ago", n)
			}
			b.pass(17 * time.Minute)
			b.want(Verifying)
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

// The workflow's own past says how long is too long.
func TestStallLimitsAreLearned(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	for i := range 5 {
		from := b.clock.Now().Add(-time.Duration(i+1) * 24 * time.Hour)
		b.remember(int64(i+1), from, from.Add(20*time.Minute), from.Add(30*time.Minute))
	}
	b.queued("schedule")
	b.pass(59 * time.Minute)
	b.want(Suspected)
	b.wantCancels(0, 0)
	b.pass(3 * time.Minute)
	b.want(Verifying)
}

// remember is a run of the past that succeeded.
func (b *bench) remember(id int64, asked, began, ended time.Time) {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		_, err := tx.SaveRun(ctx, store.WorkflowRun{
			RepoID: b.at.ID, RunID: id, Attempt: 1, WorkflowPath: primaryPath, Event: "schedule", HeadBranch: "main", HeadSHA: "x", Status: "completed", Conclusion: "success",
			CreatedAt: store.MillisOf(asked), StartedAt: store.MillisOf(asked), BeganAt: store.MillisOf(began), UpdatedAt: store.MillisOf(ended), ObservedAt: store.MillisOf(ended),
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestStallIsConfigured(t *testing.T) {
	b := newBench(t, config.Workflow{Stall: config.Stall{Queued: config.Duration(3 * time.Hour), Running: config.Duration(4 * time.Hour)}, Recover: []config.Step{dispatch}})
	x := b.queued("schedule")
	b.pass(59 * time.Minute)
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents", n)
	}
	b.pass(2 * time.Hour)
	b.want(Suspected)
	b.step(x, "Sync")
	b.pass(5 * time.Minute)
	b.want(Healthy)
	b.pass(3*time.Hour + 54*time.Minute)
	b.want(Healthy)
	b.pass(3 * time.Minute)
	inc := b.want(InDoubt) // steps have begun, and it must not be done twice
	if inc.Signal != Stalled {
		t.Errorf("signal %s", inc.Signal)
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

// What webhooks have told costs no request.
func TestInspectionAsksNothingInVain(t *testing.T) {
	b := newBench(t, config.Workflow{})
	x := b.queued("schedule")
	b.clock.Advance(time.Minute)
	if err := x.Progress(); err != nil {
		t.Fatal(err)
	}
	b.observe(x.ID)
	before := b.gh.Count("actions/get-workflow-run") + b.gh.Count("actions/list-jobs-for-workflow-run-attempt")
	b.pass(20 * time.Minute)
	b.end(x, "success")
	b.observe(x.ID)
	b.pass(24 * time.Hour)
	after := b.gh.Count("actions/get-workflow-run") + b.gh.Count("actions/list-jobs-for-workflow-run-attempt")
	if after-before != 1 { // the observation of its end
		t.Errorf("%d requests", after-before)
	}
	if slices.ContainsFunc(b.queue.jobs, func(j queue.Job) bool { return j.Kind == "run.inspect" }) {
		t.Error("a run that has ended is inspected for ever")
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

package fallback

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// newKnownBench is a bench whose repository is on record, as after its installation.
func newKnownBench(t *testing.T, flow config.Workflow) *bench {
	t.Helper()
	b := newBench(t, flow)
	b.listed("site")
	return b
}

// runKey is what the guard of a run asks for.
func (b *bench) runKey(x *githubtest.Run) string { return fmt.Sprintf("run-%d-%d", b.repo.ID, x.ID) }

// guard asks for the claim of a run's current attempt, as the guard does in its
// first step.
func (b *bench) guard(x *githubtest.Run) (got ClaimAnswer) {
	b.Helper()
	b.survive(func() (err error) {
		got, err = b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:%d", x.ID, x.Attempt()), RepoID: b.repo.ID})
		return err
	})
	return got
}

// begun is a run of the watched workflow that is under way.
func (b *bench) begun(event string) *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(primaryPath, event)
	if err == nil {
		err = x.Progress()
	}
	if err != nil {
		b.Fatal(err)
	}
	return x
}

func (b *bench) wantGrant(got ClaimAnswer, granted bool, epoch int64, owner string) {
	b.Helper()
	if got.Granted != granted || got.Epoch != epoch || got.Owner != owner || granted == (got.Why != "") {
		b.Fatalf("answer %+v, want granted %t, epoch %d, owner %s", got, granted, epoch, owner)
	}
}

func TestAPrimaryThatHoldsTheClaimAndFailsIsTakenOver(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.begun("push")
	me := fmt.Sprintf("run:%d:1", x.ID)
	b.wantGrant(b.guard(x), true, 1, me)
	b.wantGrant(b.guard(x), true, 1, me) // the answer was lost
	b.end(x, "failure")
	b.observe(x.ID)
	inc := b.want(Verifying)
	if inc.Steps[0].Epoch != 2 {
		t.Errorf("the step has epoch %d, want 2", inc.Steps[0].Epoch)
	}
	if !timelineHas(inc, "held the claim and has ended (it concluded failure); taken over with epoch 2") {
		t.Error("the timeline does not tell of the take-over")
	}
	// Whoever still acts in the old attempt's name is refused.
	old, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Epoch: 1})
	if err != nil || old.Granted || !strings.Contains(old.Why, "replaced by epoch 2") {
		t.Errorf("the old epoch: %+v, %v", old, err)
	}
	fresh, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Epoch: 2})
	if err != nil || !fresh.Granted {
		t.Errorf("the new epoch: %+v, %v", fresh, err)
	}
	b.end(b.dispatched()[0], "success")
	b.observe(b.dispatched()[0].ID)
	b.want(Recovered)
	if c, _, err := storeClaim(b, fresh.Key); err != nil || c.State != store.ClaimDone || c.Epoch != 2 {
		t.Errorf("claim %+v, %v", c, err)
	}
}

func TestAPrimaryThatHoldsTheClaimIsWaitedFor(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.fail("failure")
	b.want(Verifying)
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	inc := b.want(Exhausted)
	// A person starts the run again; it asks, and is granted the work.
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	if err := x.Progress(); err != nil {
		t.Fatal(err)
	}
	got := b.guard(x)
	b.wantGrant(got, true, inc.Steps[0].Epoch+1, fmt.Sprintf("run:%d:2", x.ID))
	// Another person wants the ladder at the same time.
	if a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, Target: "marketing-sync", Actor: "bob"}); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	b.pass(time.Hour)
	b.want(Failing)
	if n := b.effects()[kindDispatch]; n != 1 {
		t.Fatalf("%d dispatches while the primary holds the claim, want the first one only", n)
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Superseded)
	if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimDone {
		t.Errorf("claim %+v, %v", c, err)
	}
}

func TestTheSuccessOfAPrimarySettlesItsClaim(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.begun("push")
	got := b.guard(x)
	b.end(x, "success")
	b.observe(x.ID)
	if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimDone {
		t.Errorf("claim %+v, %v", c, err)
	}
	if n := b.incidents(); n != 0 {
		t.Errorf("%d incidents", n)
	}
}

// A run that is told to skip ends with success, and that is no success.
func TestAnAttemptThatWasToldToSkipProvesNothing(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
	x := b.fail("failure")
	inc := b.want(Verifying)
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	got := b.guard(x)
	b.wantGrant(got, false, 1, fmt.Sprintf("incident:%d", inc.ID))
	b.guard(x) // a second question is no second event
	b.end(x, "success")
	b.observe(x.ID)
	if inc = b.want(Verifying); timelineCount(inc, "was told to skip its work: incident:1 is doing the work") != 1 {
		t.Errorf("the timeline does not tell once that the run was told to skip: %+v", inc.Timeline)
	}
	row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID)
	if err != nil || row.LatePrimary != "skipped" {
		t.Errorf("late_primary %q, %v", row.LatePrimary, err)
	}
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	inc = b.want(Recovered) // by the next step, not by the attempt that skipped
	if diff := cmp.Diff([]string{"dispatch failed", "run succeeded"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	if !timelineHas(inc, "that it succeeded proves nothing") {
		t.Error("the timeline does not say why the success did not count")
	}
}

// What a step of ours starts works under the step's claim.
func TestWhatAStepStartsIsGrantedItsClaim(t *testing.T) {
	for name, rung := range map[string]config.Step{"rerun": rerun, "dispatch": dispatch} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{rung, local}})
			x := b.fail("failure")
			inc := b.want(Verifying)
			child := x
			if name == "dispatch" {
				child = b.dispatched()[0]
			}
			got := b.guard(child)
			b.wantGrant(got, true, 1, fmt.Sprintf("incident:%d", inc.ID))
			b.end(child, "failure")
			b.observe(child.ID)
			b.want(Recovered)
			// The attempt has ended, and its epoch is not the newest one any more.
			late, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(child), Owner: fmt.Sprintf("run:%d:%d", child.ID, child.Attempt())})
			if err != nil || late.Granted || late.State != store.ClaimDone {
				t.Errorf("afterwards: %+v, %v", late, err)
			}
		})
	}
}

// The runner can be faster than the answer to our own request.
func TestOurRerunMayAskBeforeItsOutcomeIsWritten(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{rerun}})
	var got ClaimAnswer
	asked := false
	old := b.engine.at
	b.engine.at = func(point string) error {
		if point == pointEffect {
			asked = true
			got = b.guard(b.repo.Runs()[0])
		}
		return old(point)
	}
	b.fail("failure")
	if !asked {
		t.Fatal("nothing was re-run")
	}
	b.wantGrant(got, true, 1, "incident:1")
}

func TestALaterAttemptTakesOverFromTheOneBefore(t *testing.T) {
	b := newKnownBench(t, config.Workflow{File: fallbackPath, Recover: []config.Step{local}}) // the primary's failures are nobody's here
	x := b.begun("push")
	b.wantGrant(b.guard(x), true, 1, fmt.Sprintf("run:%d:1", x.ID))
	b.end(x, "failure")
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	// GitHub may not show it yet: that is no answer to go by.
	if _, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:3", x.ID)}); !errors.Is(err, ErrClaimBusy) {
		t.Errorf("an attempt that does not exist: %v", err)
	}
	b.wantGrant(b.guard(x), true, 2, fmt.Sprintf("run:%d:2", x.ID))
	gone, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:1", x.ID)})
	if err != nil || gone.Granted || !strings.Contains(gone.Why, "not the newest") {
		t.Errorf("the old attempt: %+v, %v", gone, err)
	}
}

func TestALeaseThatRunsOutLeavesDoubt(t *testing.T) {
	b := newKnownBench(t, config.Workflow{})
	ask := func(r ClaimRequest) ClaimAnswer {
		t.Helper()
		got, err := b.engine.Claim(b.ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	b.wantGrant(ask(ClaimRequest{Key: "job", Owner: "a", Lease: time.Minute}), true, 1, "a")
	b.clock.Advance(time.Minute)
	b.wantGrant(ask(ClaimRequest{Key: "job", Owner: "a", Lease: time.Minute}), true, 1, "a") // at its very end
	b.clock.Advance(time.Minute + time.Millisecond)
	if c, err := b.engine.ReadClaim(b.ctx, "job", 0); err != nil || c.State != store.ClaimInDoubt || c.LeaseUntil != nil {
		t.Errorf("read %+v, %v", c, err)
	}
	got := ask(ClaimRequest{Key: "job", Owner: "b"})
	if got.Granted || got.State != store.ClaimInDoubt {
		t.Errorf("asked %+v", got)
	}
	if got = ask(ClaimRequest{Key: "job", Epoch: 1}); got.Granted {
		t.Errorf("presented %+v", got)
	}
	if got = ask(ClaimRequest{Key: "job", Owner: "a", Epoch: 1, State: store.ClaimDone}); !got.Granted || got.State != store.ClaimDone {
		t.Errorf("the owner came back and said done: %+v", got)
	}
}

func timelineHas(inc Incident, text string) bool { return timelineCount(inc, text) > 0 }

func timelineCount(inc Incident, text string) (n int) {
	for _, e := range inc.Timeline {
		if strings.Contains(e.Reason, text) {
			n++
		}
	}
	return n
}

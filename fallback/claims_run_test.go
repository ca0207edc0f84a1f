package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// A step's run waits for an approval for longer than a step is given, and begins
// when the step was given up: nobody holds the claim, and it does the work.
func TestWhatAGivenUpStepHasStartedIsGrantedAFreeClaim(t *testing.T) {
	for conclusion, want := range map[string]State{"success": Superseded, "failure": Exhausted} {
		t.Run(conclusion, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
			b.fail("failure")
			b.want(Verifying)
			d := b.dispatched()[0]
			if err := d.SetStatus("waiting"); err != nil {
				t.Fatal(err)
			}
			b.pass(6*time.Hour + 10*time.Minute)
			inc := b.want(Exhausted)
			b.begin(d)
			b.observe(d.ID)
			got := b.guard(d)
			b.wantGrant(got, true, inc.Steps[0].Epoch+1, runOwner(d.ID, 1))
			b.end(d, conclusion)
			b.observe(d.ID)
			b.wantState(b.incident(inc.ID), want)
			c, _, err := storeClaim(b, got.Key)
			if err != nil || (c.State == store.ClaimDone) != (want == Superseded) {
				t.Errorf("claim %+v, %v", c, err)
			}
		})
	}
}

// A run that was told to skip in one job does not do the rest of the work in
// the next one, although the claim is free by then.
func TestAnAttemptGetsOneAnswer(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
	x := b.fail("failure")
	inc := b.want(Verifying)
	b.again(x)
	b.wantGrant(b.guard(x), false, 1, incidentOwner(inc.ID))
	d := b.dispatched()[0]
	b.end(d, "failure")
	b.observe(d.ID)
	got := b.guard(x)
	b.wantGrant(got, false, 1, incidentOwner(inc.ID))
	if got.State != store.ClaimFree || !strings.Contains(got.Why, "attempt 2 was told before to skip its work, which was that of incident:1") {
		t.Errorf("%+v", got)
	}
	b.end(x, "failure")
	b.again(x)
	b.wantGrant(b.guard(x), true, 2, runOwner(x.ID, 3))
}

// The second job of a run begins when the lease is over, after an approval: the
// run is under way, and keeps its claim.
func TestARunThatIsUnderWayKeepsItsClaim(t *testing.T) {
	for name, doubted := range map[string]bool{"nobody asked meanwhile": false, "it was written down as in doubt": true} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
			x := b.begun("push")
			got := b.guard(x)
			b.pass(DefaultLease + time.Minute)
			if doubted {
				b.wantGrant(must(b.engine.Claim(b.ctx, ClaimRequest{Key: got.Key, Owner: "bob"})), false, 1, runOwner(x.ID, 1))
			}
			b.wantGrant(b.guard(x), true, 1, runOwner(x.ID, 1))
			if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimHeld || c.LeaseUntil != store.MillisOf(b.clock.Now().Add(DefaultLease)) {
				t.Errorf("claim %+v, %v", c, err)
			}
			b.end(x, "success")
			b.observe(x.ID)
			if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimDone {
				t.Errorf("claim %+v, %v", c, err)
			}
		})
	}
}

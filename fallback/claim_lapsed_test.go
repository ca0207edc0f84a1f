package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// hanging is a run that holds the claim of its work, has begun, and hangs.
func hanging(t *testing.T) (*bench, *githubtest.Run, ClaimAnswer) {
	t.Helper()
	b := newKnownBench(t, config.Workflow{
		Effect: config.Idempotent, Stall: config.Stall{Running: config.Duration(30 * time.Minute)}, Recover: []config.Step{dispatch, local},
	})
	x := b.begun("schedule")
	got := b.guard(x) // for six hours
	b.step(x, "Sync")
	b.observe(x.ID)
	return b, x, got
}

func TestNoStepBeginsWhileThePrimaryHoldsTheClaimAndIsUnderWay(t *testing.T) {
	b, x, _ := hanging(t)
	b.pass(5*time.Hour + 50*time.Minute)
	inc := b.want(Failing)
	if len(b.effects()) != 0 || timelineCount(inc, "waiting for the claim: run:") != 1 {
		t.Fatalf("effects %v, timeline %+v", b.effects(), inc.Timeline)
	}
	a := b.ask(queue.Recover{Target: "marketing-sync", Actor: "mona"})
	if a.Accepted || !strings.Contains(a.Message, "waits for its claim") || !strings.Contains(b.explained(), "holds the claim, and no step begins before it has ended") {
		t.Errorf("a person asks: %+v\n%s", a, b.explained())
	}
	b.end(x, "failure") // which proves that it does nothing any more
	b.observe(x.ID)
	b.pass(time.Minute)
	if inc = b.want(Verifying); inc.Steps[0].Epoch != 2 {
		t.Errorf("the step has epoch %d", inc.Steps[0].Epoch)
	}
}

func TestALostPrimaryLeavesADoubtWhenItsLeaseIsOver(t *testing.T) {
	for name, tt := range map[string]struct {
		then func(b *bench, x *githubtest.Run)
		want State
	}{
		"it ends after all": {func(b *bench, x *githubtest.Run) { b.end(x, "failure"); b.observe(x.ID) }, Verifying},
		"it succeeds":       {func(b *bench, x *githubtest.Run) { b.end(x, "success"); b.observe(x.ID) }, Superseded},
		"nothing happens":   {func(*bench, *githubtest.Run) {}, InDoubt},
		"a person's word": {func(b *bench, _ *githubtest.Run) {
			if a := b.ask(queue.Recover{Target: "marketing-sync", Actor: "mona"}); !a.Accepted {
				b.Error(a.Message)
			}
		}, Verifying},
	} {
		t.Run(name, func(t *testing.T) {
			b, x, got := hanging(t)
			b.pass(10 * 24 * time.Hour)
			inc := b.want(InDoubt)
			if len(b.effects()) != 0 || inc.Claim.State != store.ClaimInDoubt || !strings.Contains(b.explained(), "The claim of this work is in doubt") {
				t.Errorf("effects %v, claim %+v\n%s", b.effects(), inc.Claim, b.explained())
			}
			tt.then(b, x)
			b.pass(time.Minute)
			inc = b.want(tt.want)
			if tt.want == Verifying && (inc.Steps[0].Step != 1 || inc.Steps[0].Epoch != 2) {
				t.Errorf("what began: %+v", inc.Steps[0])
			}
			late, err := b.engine.Claim(b.ctx, ClaimRequest{Key: got.Key, Epoch: got.Epoch})
			if err != nil || late.Granted {
				t.Errorf("the old epoch: %+v, %v", late, err)
			}
		})
	}
}

// The lease is over, and nobody has looked since.
func TestAPersonDecidesOverALapsedLeaseAtOnce(t *testing.T) {
	b, _, _ := hanging(t)
	b.pass(5*time.Hour + 50*time.Minute)
	b.want(Failing)
	b.clock.Advance(11 * time.Minute)
	if a := b.ask(queue.Recover{Target: "marketing-sync", Actor: "monitor", Automated: true}); a.Accepted || !strings.Contains(a.Message, "person") {
		t.Errorf("a machine asks: %+v", a)
	}
	if a := b.ask(queue.Recover{Target: "marketing-sync", Actor: "mona"}); !a.Accepted {
		t.Errorf("a person asks: %+v", a)
	}
	b.work()
	if inc := b.want(Verifying); inc.Steps[0].Epoch != 2 || inc.Steps[0].Step != 1 {
		t.Errorf("what began: %+v", inc.Steps[0])
	}
}

// A job of the run asks once more, after an approval: it is not in doubt any more.
func TestARunThatComesBackKeepsTheClaimFromAPerson(t *testing.T) {
	b, x, _ := hanging(t)
	b.pass(10 * time.Hour)
	b.want(InDoubt)
	if got := b.guard(x); !got.Granted || got.Epoch != 1 {
		t.Fatalf("%+v", got)
	}
	if a := b.ask(queue.Recover{Target: "marketing-sync"}); a.Accepted || !strings.Contains(a.Message, "is doing the work") {
		t.Errorf("a person asks: %+v", a)
	}
	b.end(x, "failure")
	b.observe(x.ID)
	b.pass(time.Minute)
	if inc := b.want(Verifying); inc.Steps[0].Epoch != 2 || inc.Steps[0].Step != 1 {
		t.Errorf("what began: %+v", inc.Steps[0])
	}
}

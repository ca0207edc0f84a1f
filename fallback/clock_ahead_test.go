package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// A clock that was hours ahead, and is set right, has held nothing back for
// hours: a breaker that it opened stays open for one cool-down from then on.
func TestBreakerOfAClockThatWasAhead(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}, Breaker: config.Breaker{Failures: 1, Cooldown: config.Duration(5 * time.Minute)}, Effect: config.Idempotent})
	b.actions.exit["git-sync"] = 1
	b.clock.Advance(8 * time.Hour)
	b.fail("failure")
	b.want(Exhausted)
	ahead := b.failAs("Error: token 18 has expired") // held back with the clock ahead
	b.wantState(ahead, Suppressed)
	b.clock.Advance(-8 * time.Hour)
	b.actions.exit["git-sync"] = 0
	b.restart()
	b.fail("failure", githubtest.Job{Name: "other", Conclusion: "failure"})
	b.wantState(b.newest(), Suppressed)
	b.wantState(b.incident(ahead.ID), Suppressed)
	b.pass(4 * time.Minute)
	b.wantState(b.newest(), Suppressed)
	b.pass(2 * time.Minute)
	b.wantState(b.newest(), Recovered)
	b.wantState(b.incident(ahead.ID), Recovered)
}

// Nor is a try put off by more than the longest pause there is.
func TestBackOffOfAClockThatWasAhead(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 2}}}})
	b.jitter = time.Minute
	x := b.run(primaryPath, "schedule", "failure")
	b.clock.Advance(8 * time.Hour)
	b.observe(x.ID)
	b.end(x, "failure")
	b.observe(x.ID)
	if inc := b.want(Recovering); inc.NotBefore == nil {
		t.Fatal("no pause was drawn")
	}
	b.clock.Advance(-8 * time.Hour)
	b.restart()
	if err := b.engine.Resume(b.ctx); err != nil { // as the next process does
		t.Fatal(err)
	}
	b.pass(time.Minute)
	inc := b.want(Verifying)
	if n := len(inc.Steps); n != 2 || inc.Steps[1].State != store.StepStarted {
		t.Errorf("steps %v", steps(inc))
	}
}

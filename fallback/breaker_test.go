package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// newest is the incident that was opened last.
func (b *bench) newest() Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{Limit: 1})
	if err != nil || len(list) != 1 {
		b.Fatal(list, err)
	}
	return b.incident(list[0].ID)
}

// broken is a workflow whose recovery fails, with the breaker open after two.
func broken(t *testing.T) *bench {
	b := newBench(t, config.Workflow{
		Recover: []config.Step{local}, Breaker: config.Breaker{Failures: 2, Cooldown: config.Duration(5 * time.Minute)},
	})
	b.actions.exit["git-sync"] = 1
	for range 2 {
		b.fail("failure")
		b.wantState(b.newest(), Exhausted)
	}
	return b
}

func TestBreakerOpens(t *testing.T) {
	b := broken(t)
	x := b.fail("failure")
	inc := b.newest()
	b.wantState(inc, Suppressed)
	if !strings.Contains(inc.Reason, "2 failed recoveries in a row") || inc.NotBefore == nil || !inc.NotBefore.Equal(b.clock.Now().Add(5*time.Minute).UTC()) {
		t.Errorf("%q, not before %v", inc.Reason, inc.NotBefore)
	}
	if b.actions.count() != 2 {
		t.Errorf("%d actions", b.actions.count())
	}
	var last string
	for _, c := range b.repo.CheckRuns(x.HeadSHA) {
		last = c.Conclusion
	}
	if last != "neutral" {
		t.Errorf("check %s", last)
	}
	st, err := b.engine.Status(b.ctx, b.repo.ID)
	if err != nil || st.Workflows[0].Breaker == nil || st.Workflows[0].Breaker.State != breakerOpen || st.Workflows[0].State != Suppressed {
		t.Errorf("status %+v %v", st.Workflows[0], err)
	}
}

// After the cool-down one incident is let through. Its failure opens the
// breaker again, for the others as well.
func TestBreakerHalfOpenFails(t *testing.T) {
	b := broken(t)
	b.fail("failure")
	b.fail("failure")
	b.pass(5 * time.Minute)
	states := map[State]int{}
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, inc := range list {
		states[inc.State]++
	}
	if states[Exhausted] != 3 || states[Suppressed] != 1 || b.actions.count() != 3 {
		t.Errorf("states %v, %d actions", states, b.actions.count())
	}
}

func TestBreakerHalfOpenSucceeds(t *testing.T) {
	b := broken(t)
	b.fail("failure")
	b.fail("failure")
	b.actions.exit["git-sync"] = 0
	b.pass(5 * time.Minute)
	list, err := b.engine.Incidents(b.ctx, Filter{States: []State{Recovered}})
	if err != nil || len(list) != 2 {
		t.Errorf("%d recovered, want the probe and the one behind it; %v", len(list), err)
	}
	st, err := b.engine.Status(b.ctx, b.repo.ID)
	if err != nil || st.Workflows[0].Breaker != nil {
		t.Errorf("breaker %+v %v", st.Workflows[0].Breaker, err)
	}
}

// A success of the workflow itself closes it before its time.
func TestBreakerClosesWithASuccess(t *testing.T) {
	b := broken(t)
	b.fail("failure")
	b.actions.exit["git-sync"] = 0
	b.clock.Advance(time.Second)
	b.observe(b.run(primaryPath, "schedule", "success").ID)
	list, err := b.engine.Incidents(b.ctx, Filter{States: []State{Suppressed}})
	if err != nil || len(list) != 0 {
		t.Errorf("%d still suppressed, %v", len(list), err)
	}
}

// Failures count in a row only, and only those of recoveries that were tried.
func TestBreakerCounts(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}, Breaker: config.Breaker{Failures: 2, Cooldown: config.Duration(time.Minute)}})
	for i, exit := range []int{1, 0, 1} {
		b.actions.exit["git-sync"] = exit
		b.fail("failure")
		if want := []State{Exhausted, Recovered, Exhausted}[i]; b.newest().State != want {
			t.Fatalf("incident %d is %s, want %s", i+1, b.newest().State, want)
		}
	}
	b.fail("failure") // the second in a row
	b.fail("failure")
	b.wantState(b.newest(), Suppressed)

	skipping := newBench(t, config.Workflow{Recover: []config.Step{remoteHost}, Breaker: config.Breaker{Failures: 1, Cooldown: config.Duration(time.Minute)}})
	skipping.fail("failure")
	skipping.fail("failure")
	skipping.wantState(skipping.newest(), Exhausted)
}

// A person is stronger than the breaker.
func TestPersonPassesTheBreaker(t *testing.T) {
	b := broken(t)
	b.fail("failure")
	inc := b.newest()
	b.actions.exit["git-sync"] = 0
	a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "octocat", DeliveryID: "x"})
	if err != nil || !a.Accepted || a.IncidentID != inc.ID {
		t.Fatalf("%+v %v", a, err)
	}
	b.work()
	b.wantState(b.incident(inc.ID), Recovered)
}

package fallback

import (
	"fmt"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// Somebody starts the workflow by hand while its tick is taken for missed: the
// fallback waits for that run, and both are after the same claim.
func TestARunByHandAndTheFallbackDoATickOnce(t *testing.T) {
	for name, effect := range map[string]config.Effect{"guarded by declaration": config.Guarded, "guarded by its file": ""} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: effect})
			if effect == "" {
				b.enrol(guardedFile)
			}
			b.until(tick.Add(50 * time.Minute))
			inc := b.want(Suspected)
			x := b.begun("workflow_dispatch")
			b.see(x)
			b.begin(x)
			got := b.guard(x)
			if again := b.guard(x); again.Key != got.Key || !again.Granted {
				t.Errorf("asked again: %+v", again)
			}
			b.wantGrant(got, true, 1, fmt.Sprintf("run:%d:1", x.ID))
			if row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID); err != nil || got.Key != row.OccurrenceKey {
				t.Errorf("the run was granted %s, the tick is %s, %v", got.Key, row.OccurrenceKey, err)
			}
			b.until(tick.Add(3 * time.Hour))
			inc = b.want(Failing)
			if n := b.effects()[kindDispatch]; n != 0 || timelineCount(inc, "is under way; waiting for its end") != 1 {
				t.Fatalf("%d dispatches; %s", n, inc.Reason)
			}
			b.end(x, "success")
			b.observe(x.ID)
			if inc = b.incident(inc.ID); !inc.State.Settled() || b.effects()[kindDispatch] != 0 {
				t.Errorf("%s: %s, effects %v", inc.State, inc.Reason, b.effects())
			}
			if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimDone {
				t.Errorf("claim %+v, %v", c, err)
			}
		})
	}
}

// A run by hand that fails, or outstays the time that a step is given, does not
// keep the fallback back for ever.
func TestARunByHandIsWaitedForWithinBounds(t *testing.T) {
	for name, c := range map[string]struct {
		event string
		after func(b *bench, of string) // the run is known and under way
	}{
		"by hand, fails":       {"workflow_dispatch", func(b *bench, _ string) { b.failRunning() }},
		"by a push, cancelled": {"push", func(b *bench, _ string) { b.endRunning("cancelled") }},
		"does not end":         {"workflow_dispatch", func(b *bench, _ string) { b.pass(5*time.Hour + 15*time.Minute) }},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Idempotent})
			b.until(tick.Add(50 * time.Minute))
			inc := b.want(Suspected)
			b.see(b.begun(c.event))
			b.until(tick.Add(90 * time.Minute))
			b.wantState(b.incident(inc.ID), Failing)
			if n := b.effects()[kindDispatch]; n != 0 {
				t.Fatalf("%d dispatches while it is under way", n)
			}
			c.after(b, c.event)
			b.pass(10 * time.Minute)
			if inc = b.incident(inc.ID); inc.State != Verifying {
				t.Errorf("%s: %s", inc.State, inc.Reason)
			}
		})
	}
}

func (b *bench) failRunning() { b.endRunning("failure") }

// endRunning ends the one run of the watched workflow.
func (b *bench) endRunning(conclusion string) {
	b.Helper()
	x := b.repo.Runs()[0]
	b.end(x, conclusion)
	b.see(x)
}

// A person starts the workflow by hand while the fallback does the tick's work:
// the guard tells that run to skip, and its success is none.
func TestARunByHandIsToldThatTheFallbackIsAtWork(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
	b.until(tick.Add(62 * time.Minute))
	inc := b.want(Verifying)
	x := b.begun("workflow_dispatch")
	b.see(x)
	b.wantGrant(b.guard(x), false, 1, fmt.Sprintf("incident:%d", inc.ID))
	b.end(x, "success")
	b.observe(x.ID)
	inc = b.want(Verifying)
	if inc.Late != "" {
		t.Errorf("the run by hand is taken for the tick's own: %q", inc.Late)
	}
	d := b.dispatched()[0]
	b.end(d, "failure")
	b.observe(d.ID)
	if inc = b.want(Exhausted); timelineHas(inc, "started by hand") {
		t.Error("the run that did nothing settled the tick")
	}
}

// Runs of other work have claims of their own.
func TestOtherRunsHaveClaimsOfTheirOwn(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
	b.until(tick.Add(62 * time.Minute))
	b.want(Verifying)
	x := b.begun("push") // the work of a commit must not be skipped for that of a tick
	b.see(x)
	b.wantGrant(b.guard(x), true, 1, fmt.Sprintf("run:%d:1", x.ID))
	b.fallbackWorked()
	b.want(Recovered)
	y := b.begun("workflow_dispatch") // afterwards it is somebody's wish to do it again
	b.see(y)
	b.wantGrant(b.guard(y), true, 1, fmt.Sprintf("run:%d:1", y.ID))
}

// GitHub starts two runs for one tick: the second is told to skip, on the first
// day of a watch as well, when no older tick has a run on record.
func TestTwoRunsOfOneTickDoItsWorkOnce(t *testing.T) {
	for day, name := range []string{"first day", "second day"} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
			if day == 1 {
				b.until(tick)
				x := b.come()
				b.end(x, "success")
				b.observe(x.ID)
			}
			b.until(tick.Add(time.Duration(day)*24*time.Hour + 10*time.Second))
			one := b.begun(schedule.Event)
			b.pass(5 * time.Second)
			two := b.begun(schedule.Event)
			b.see(two) // the one that came later is heard of first
			b.see(one)
			first, second := b.guard(two), b.guard(one)
			if !first.Granted || second.Granted || first.Key != second.Key {
				t.Errorf("granted %+v and %+v", first, second)
			}
		})
	}
}

// A person runs the fallback's own run again when the work is done.
func TestAnotherAttemptOfWhatAStepStartedHasTheClaimOfTheStep(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
	b.until(tick.Add(62 * time.Minute))
	b.fallbackWorked()
	inc := b.want(Recovered)
	d := b.dispatched()[0]
	if err := d.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	b.see(d)
	got := b.guard(d)
	b.wantGrant(got, false, 1, fmt.Sprintf("incident:%d", inc.ID))
	if got.State != store.ClaimDone {
		t.Errorf("%+v", got)
	}
}

// The workflow itself, dispatched in place of a tick, can ask before GitHub has
// answered our request for it: it is not told that somebody else is at work.
func TestWhatWeHaveJustDispatchedIsNotToldToSkip(t *testing.T) {
	again := config.Step{Dispatch: &config.Dispatch{Workflow: primaryPath, Ref: "main"}}
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{again}, Effect: config.Guarded})
	var ours, theirs ClaimAnswer
	old := b.engine.at
	b.engine.at = func(point string) error {
		if point == pointEffect {
			theirs, ours = b.guard(b.begun("workflow_dispatch")), b.guard(b.dispatched()[0])
		}
		return old(point)
	}
	b.until(tick.Add(62 * time.Minute))
	inc := b.want(Verifying)
	b.wantGrant(ours, true, 1, fmt.Sprintf("incident:%d", inc.ID))
	b.wantGrant(theirs, false, 1, fmt.Sprintf("incident:%d", inc.ID))
	b.wantGrant(b.guard(b.dispatched()[0]), true, 1, fmt.Sprintf("incident:%d", inc.ID))
}

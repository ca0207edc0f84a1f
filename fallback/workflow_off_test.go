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

const enables = "actions/enable-workflow"

// about is the one incident about the workflow's state.
func (b *bench) about(signal Signal) Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		b.Fatal(err)
	}
	var found []Incident
	for _, inc := range list {
		if inc.Signal == signal {
			found = append(found, inc)
		}
	}
	if len(found) != 1 {
		b.Fatalf("%d incidents with the signal %s: %+v", len(found), signal, list)
	}
	return b.incident(found[0].ID)
}

// A missed tick whose workflow is switched off, and stays so, is about that.
func TestMissedBecauseItIsSwitchedOff(t *testing.T) {
	for name, c := range map[string]struct {
		state    string
		reenable config.Reenable
		want     State
		says     string
	}{
		"by inactivity, and stays off":  {workflowInactive, config.ReenableNever, Exhausted, "reenable is never"},
		"by a person":                   {"disabled_manually", "", Exhausted, "a person has disabled"},
		"because it is a fork":          {"disabled_fork", config.ReenableAuto, Exhausted, "forks"},
		"by a person, whatever is said": {"disabled_manually", config.ReenableAuto, Exhausted, "a person has disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Reenable: c.reenable}, Recover: []config.Step{dispatch}})
			if err := b.repo.DisableWorkflow(primaryPath, c.state); err != nil {
				t.Fatal(err)
			}
			b.until(tick.Add(2 * time.Hour))
			off := b.about(Disabled)
			b.wantState(off, c.want)
			if !strings.Contains(off.Reason, c.says) {
				t.Errorf("reason %q", off.Reason)
			}
			missed := b.about(Missed)
			b.wantState(missed, Superseded)
			if b.tickOutcome(tick) != store.TickUnwatched {
				t.Errorf("tick %s", b.tickOutcome(tick))
			}
			if n := b.gh.Effects(enables); n != 0 || len(b.effects()) != 0 {
				t.Errorf("enabled %d times, other effects %v", n, b.effects())
			}
			// The next ticks of what is off are nobody's.
			b.until(tick.Add(24*time.Hour + 30*time.Minute))
			if n := len(b.ofState(Suspected)); n != 0 {
				t.Errorf("%d suspected the day after", n)
			}
		})
	}
}

// What GitHub has switched off for inactivity is switched on, and the tick that
// has shown it is made up for as catchup says, whatever a second execution would
// do: nothing runs at a tick of what is off.
func TestTickThatShowsInactivity(t *testing.T) {
	for name, c := range map[string]struct {
		flow    config.Workflow
		refused bool // to switch it on
		tick    State
		off     State
	}{
		"idempotent":               {config.Workflow{Effect: config.Idempotent}, false, Verifying, Recovered},
		"at most once":             {config.Workflow{}, false, Verifying, Recovered},
		"catchup none":             {config.Workflow{Schedule: config.Schedule{Catchup: config.CatchupNone}}, false, Exhausted, Recovered},
		"it cannot be switched on": {config.Workflow{}, true, Verifying, Exhausted},
	} {
		t.Run(name, func(t *testing.T) {
			c.flow.Recover = []config.Step{dispatch}
			b, tick := newTickBench(t, c.flow)
			if err := b.repo.DisableWorkflow(primaryPath, workflowInactive); err != nil {
				t.Fatal(err)
			}
			if c.refused {
				b.gh.Fault(githubtest.Fault{Operation: enables, Kind: githubtest.Status, Code: 403, Times: -1})
			}
			b.until(tick.Add(70 * time.Minute))
			b.wantState(b.about(Disabled), c.off)
			b.wantState(b.about(Missed), c.tick)
			if n := b.effects()[kindDispatch]; (n == 1) != (c.tick == Verifying) {
				t.Errorf("effects %v", b.effects())
			}
			b.until(tick.Add(24*time.Hour + 30*time.Minute)) // the next one counts
			if n := len(b.ofState(Suspected)); (n == 1) == c.refused {
				t.Errorf("%d suspected the day after", n)
			}
		})
	}
}

// A person disables the workflow after a tick was missed: that is a decision,
// and no proof of anything. Nothing is done by itself.
func TestDisabledByAPersonAfterTheTick(t *testing.T) {
	disable := func(b *bench) {
		b.Helper()
		if err := b.repo.DisableWorkflow(primaryPath, byPerson); err != nil {
			b.Fatal(err)
		}
	}
	t.Run("a person was asked", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		b.until(tick.Add(70 * time.Minute))
		b.want(InDoubt)
		disable(b)
		b.pass(3 * time.Hour)
		if b.want(InDoubt); len(b.effects()) != 0 {
			t.Errorf("effects %v", b.effects())
		}
	})
	t.Run("nothing was begun yet", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow", Kind: githubtest.Status, Code: 500, Skip: 1, Times: 1})
		b.until(tick.Add(61 * time.Minute))
		b.want(Failing)
		disable(b)
		b.pass(3 * time.Hour)
		inc := b.want(Exhausted)
		if !strings.Contains(inc.Reason, "a person has disabled the workflow") || len(b.effects()) != 0 {
			t.Errorf("%q, effects %v", inc.Reason, b.effects())
		}
		// The button does it all the same.
		if a := b.ask(queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "mona"}); !a.Accepted {
			t.Fatal(a.Message)
		}
		b.work()
		if b.effects()[kindDispatch] != 1 {
			t.Errorf("effects %v", b.effects())
		}
	})
}

// A person disables the workflow, and enables it hours later. The tick of the
// day after counts.
func TestEnabledAgainCounts(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	if err := b.repo.DisableWorkflow(primaryPath, byPerson); err != nil {
		t.Fatal(err)
	}
	b.until(tick.Add(2 * time.Hour))
	off := b.about(Disabled)
	b.wantState(off, Exhausted)
	if err := b.repo.DisableWorkflow(primaryPath, workflowActive); err != nil {
		t.Fatal(err)
	}
	b.until(tick.Add(24*time.Hour + 70*time.Minute))
	b.wantState(b.incident(off.ID), Healthy)
	if n := len(b.ofState(Verifying)); n != 1 || b.effects()[kindDispatch] != 1 {
		t.Errorf("%d made up for, effects %v", n, b.effects())
	}
}

// The answer to the request that switches on is lost: the state tells, and
// nothing is asked twice in vain.
func TestSwitchingOnIsNotTakenOnTrust(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"lost after the effect":  {Operation: enables, Kind: githubtest.Reset, AfterEffect: true},
		"lost before the effect": {Operation: enables, Kind: githubtest.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			if err := b.repo.DisableWorkflow(primaryPath, workflowInactive); err != nil {
				t.Fatal(err)
			}
			b.gh.Fault(fault)
			b.until(tick.Add(2 * time.Hour))
			b.wantState(b.about(Disabled), Recovered)
			if n := b.gh.Effects(enables); n != 1 {
				t.Errorf("enabled %d times", n)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		if err := b.repo.DisableWorkflow(primaryPath, workflowInactive); err != nil {
			t.Fatal(err)
		}
		b.gh.Fault(githubtest.Fault{Operation: enables, Kind: githubtest.Status, Code: 403, Times: -1})
		b.until(tick.Add(2 * time.Hour))
		off := b.about(Disabled)
		b.wantState(off, Exhausted)
		if diff := cmp.Diff([]string{"enable failed"}, steps(off)); diff != "" {
			t.Error(diff)
		}
		// A person switches it on; that ends it.
		if err := b.repo.DisableWorkflow(primaryPath, workflowActive); err != nil {
			t.Fatal(err)
		}
		b.until(tick.Add(4 * 24 * time.Hour))
		b.wantState(b.incident(off.ID), Healthy)
	})
}

// Without a missed tick the state is read once within two days.
func TestStateIsReadNowAndThen(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Recover: []config.Step{dispatch}}, "0 6 * * 1")
	x := b.late(tick)
	b.end(x, "success")
	b.observe(x.ID)
	if err := b.repo.DisableWorkflow(primaryPath, workflowInactive); err != nil {
		t.Fatal(err)
	}
	b.until(tick.Add(7*24*time.Hour + 5*time.Minute)) // the watch falls due a quarter past
	if b.incidents() != 0 {
		t.Fatalf("an incident before anybody has looked: %+v", b.only())
	}
	b.pass(11 * time.Minute)
	b.wantState(b.about(Disabled), Recovered)
}

// late is the run of a tick a minute after it.
func (b *bench) late(tick time.Time) *githubtest.Run {
	b.Helper()
	b.until(tick.Add(time.Minute))
	return b.come()
}

// The job of a workflow that GitHub does not show any more opens nothing.
func TestStateOfAWorkflowThatIsGone(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow", Kind: githubtest.Status, Code: 404, Times: -1})
	b.until(tick.Add(2 * time.Hour))
	inc := b.want(Healthy)
	if inc.Reason != "the workflow is not there any more" || len(b.effects()) != 0 {
		t.Errorf("%q", inc.Reason)
	}
}

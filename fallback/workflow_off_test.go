package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
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

// A missed tick whose workflow is switched off is about that: what inactivity
// has switched off is switched on, what a person has is told.
func TestMissedBecauseItIsSwitchedOff(t *testing.T) {
	for name, c := range map[string]struct {
		state    string
		reenable config.Reenable
		want     State
		says     string
	}{
		"by inactivity":                 {workflowInactive, "", Recovered, "GitHub shows the workflow as active"},
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
			enabled := 0
			if c.want == Recovered {
				enabled = 1
			}
			if n := b.gh.Effects(enables); n != enabled || len(b.effects()) != 0 {
				t.Errorf("enabled %d times, other effects %v", n, b.effects())
			}
			// The next ticks of what is off are nobody's; those of what is on count.
			b.until(tick.Add(24*time.Hour + 30*time.Minute))
			if n := len(b.ofState(Suspected)); n != enabled {
				t.Errorf("%d suspected the day after", n)
			}
		})
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

package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// A watched workflow that is triggered by the end of its own fallback fails
// for ever: what our login has led to opens nothing, whatever the event.
func TestEndOfTheFallbackStartsThePrimary(t *testing.T) {
	for _, event := range []string{"workflow_run", "push", "workflow_call", "workflow_dispatch", "repository_dispatch"} {
		t.Run(event, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.fail("failure")
			b.succeed()
			b.want(Recovered)
			for range 3 {
				y, err := b.repo.StartRunAt(primaryPath, event, "main", "redundancy[bot]")
				if err != nil {
					t.Fatal(err)
				}
				b.end(y, "failure")
				b.observe(y.ID)
			}
			b.want(Recovered) // the only one
			if diff := cmp.Diff(map[string]int{kindDispatch: 1}, b.effects()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("re-run by us", func(t *testing.T) { // of a run that no incident knows any more
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		x := b.run(primaryPath, "push", "failure")
		if err := x.Rerun("redundancy[bot]"); err != nil {
			t.Fatal(err)
		}
		b.end(x, "failure")
		b.observe(x.ID)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("a schedule that we changed last", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		x, err := b.repo.StartRunAt(primaryPath, "schedule", "main", "redundancy[bot]")
		if err != nil {
			t.Fatal(err)
		}
		b.end(x, "failure")
		b.observe(x.ID)
		b.want(Verifying)
	})
}

// The same over a login that is not ours: what begins by itself is bounded by
// the hour, and goes on after it.
func TestAtMostSixAnHour(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	for i := range 9 {
		y, err := b.repo.StartRunAt(primaryPath, "workflow_run", "main", "github-actions[bot]")
		if err != nil {
			t.Fatal(err)
		}
		b.end(y, "failure", failing(i)) // the same failure would be cooled down
		b.observe(y.ID)
		want := Recovered
		if i >= maxBegun {
			want = Suppressed
		}
		b.wantState(b.newest(), want)
		b.clock.Advance(time.Minute)
	}
	held := b.newest()
	if !strings.HasPrefix(held.Reason, "6 recoveries of this workflow began within an hour") || held.NotBefore == nil {
		t.Errorf("%q, not before %v", held.Reason, held.NotBefore)
	}
	// A run that the clock has started is not bound, nor another workflow, nor a person.
	b.fail("failure")
	b.wantState(b.newest(), Recovered)
	b.configs.c.Workflows[1].Recover = []config.Step{local}
	b.observe(b.run(otherPath, "push", "failure").ID)
	b.wantState(b.of(otherPath), Recovered)
	if a := b.ask(queue.Recover{IncidentID: held.ID}); !a.Accepted {
		t.Errorf("%+v", a)
	}
	b.wantState(b.incident(held.ID), Recovered)
	if n := b.actions.count(); n != maxBegun+3 {
		t.Errorf("%d actions, want %d", n, maxBegun+3)
	}
	// Nine minutes have passed since the first one began; each minute of the
	// next hour frees one place.
	b.pass(begunWithin - 9*time.Minute - time.Second)
	b.wantState(b.incident(7), Suppressed)
	b.pass(time.Second)
	b.wantState(b.incident(7), Recovered)
	b.wantState(b.incident(8), Suppressed)
	b.pass(time.Minute)
	b.wantState(b.incident(8), Recovered)
}

// All of them at the same moment, and held back for an hour: they do not all
// begin at its end either.
func TestCrowdIsNotReleasedAtOnce(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	var ids []int64
	for range 3 * maxBegun {
		ids = append(ids, b.run(primaryPath, "push", "failure").ID)
	}
	b.observe(ids...)
	for hour := 1; hour <= 3; hour++ {
		if n := b.actions.count(); n != hour*maxBegun {
			t.Errorf("hour %d: %d actions", hour, n)
		}
		b.pass(begunWithin)
	}
	if n := b.actions.count(); n != 3*maxBegun {
		t.Errorf("%d actions in all", n)
	}
}

// What the clock starts takes no places either.
func TestSchedulesAreNotCounted(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	for range maxBegun + 1 {
		b.fail("failure")
		b.wantState(b.newest(), Recovered)
	}
	b.observe(b.run(primaryPath, "push", "failure").ID)
	b.wantState(b.newest(), Recovered)
}

// The breaker's probe that has to wait for the hour is let through after it.
func TestProbeIsHeldBack(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}, Breaker: config.Breaker{Failures: maxBegun, Cooldown: config.Duration(time.Minute)}})
	b.actions.exit["git-sync"] = 1
	for range maxBegun + 1 {
		b.observe(b.run(primaryPath, "push", "failure").ID)
	}
	b.actions.exit["git-sync"] = 0
	b.pass(2 * time.Minute)
	b.wantState(b.newest(), Suppressed)
	b.pass(begunWithin)
	b.wantState(b.newest(), Recovered)
}

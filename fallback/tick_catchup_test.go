package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// Under a schedule of every five minutes each tick has a newer one before it
// could count as missed. The silence as a whole does, and the latest tick is
// made up for, once.
func TestSilenceOfADenseSchedule(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}}, "*/5 * * * *")
	b.until(tick.Add(59 * time.Minute))
	if n := len(b.ofState(Suspected)); n != 1 || len(b.dispatched()) != 0 {
		t.Fatalf("%d suspected, %d dispatched", n, len(b.dispatched()))
	}
	b.pass(4 * time.Minute)
	acted := b.ofState(Verifying)
	if len(acted) != 1 || len(b.dispatched()) != 1 {
		t.Fatalf("%d verifying, %d dispatched", len(acted), len(b.dispatched()))
	}
	if !acted[0].BeganAt.Equal(tick) || acted[0].Tick.Before(tick.Add(40*time.Minute)) {
		t.Errorf("began %s, tick %s; the first was %s", acted[0].BeganAt, acted[0].Tick, tick)
	}
	for _, inc := range b.ofState(Superseded) {
		if inc.Reason != "a newer tick took its place" {
			t.Error(inc.Reason)
		}
	}
	b.fallbackWorked()
	b.pass(45 * time.Minute)
	if n := len(b.dispatched()); n != 1 {
		t.Errorf("%d dispatches within two hours", n)
	}
}

func TestCatchup(t *testing.T) {
	at := func(b *bench, tick time.Time, d time.Duration) { b.until(tick.Add(d)) }
	t.Run("none", func(t *testing.T) {
		b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupNone}, Recover: []config.Step{dispatch}}, "0 */2 * * *")
		at(b, tick, 70*time.Minute)
		inc := b.want(Exhausted)
		if !strings.Contains(inc.Reason, "catchup is none") || len(b.effects()) != 0 || b.check(b.repo.Head("main")).Conclusion != "failure" {
			t.Errorf("%q, effects %v", inc.Reason, b.effects())
		}
		at(b, tick, 3*time.Hour+10*time.Minute) // the next one is missed, too
		if n := len(b.ofState(Exhausted)); n != 1 || len(b.ofState(Superseded)) != 1 {
			t.Errorf("%d exhausted", n)
		}
	})
	t.Run("latest, and a person was asked", func(t *testing.T) {
		b, tick := newEveryBench(t, config.Workflow{Recover: []config.Step{dispatch}}, "0 */2 * * *")
		at(b, tick, 2*time.Hour+30*time.Minute)
		if n := len(b.ofState(InDoubt)); n != 1 || len(b.ofState(Suspected)) != 1 {
			t.Fatalf("%d in doubt", n)
		}
		at(b, tick, 3*time.Hour+30*time.Minute)
		list := b.ofState(InDoubt)
		if len(list) != 1 || !list[0].Tick.Equal(tick.Add(2*time.Hour)) || len(b.ofState(Superseded)) != 1 {
			t.Fatalf("in doubt: %+v", list)
		}
		// The run of a newer tick makes it pointless.
		at(b, tick, 4*time.Hour+time.Minute)
		x := b.come()
		b.end(x, "success")
		b.observe(x.ID)
		if n := len(b.ofState(InDoubt)); n != 0 {
			t.Errorf("%d are still in doubt", n)
		}
	})
	t.Run("all", func(t *testing.T) {
		b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupAll}, Recover: []config.Step{dispatch}}, "*/30 * * * *")
		at(b, tick, 62*time.Minute)
		b.begin(b.dispatched()[0])
		at(b, tick, 80*time.Minute) // it goes on
		if err := b.dispatched()[0].Step("build", "Post"); err != nil {
			t.Fatal(err)
		}
		at(b, tick, 95*time.Minute)
		if list := b.ofState(Verifying); len(list) != 1 || !list[0].Tick.Equal(tick) || len(b.ofState(Failing)) != 1 {
			t.Fatalf("verifying %+v, failing %+v", list, b.ofState(Failing))
		}
		b.fallbackWorked()
		if list := b.ofState(Verifying); len(list) != 1 || !list[0].Tick.Equal(tick.Add(30*time.Minute)) {
			t.Fatalf("then %+v", list)
		}
		if n := len(b.ofState(Superseded)); n != 0 {
			t.Errorf("%d were passed over", n)
		}
	})
}

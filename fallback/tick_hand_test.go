package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// The schedule is a few minutes late, and somebody starts the workflow by
// hand, which fails: what the recovery of that run does is the tick's work.
func TestRecoveryOfARunByHandIsTheTicksWork(t *testing.T) {
	for name, c := range map[string]struct {
		ends  time.Duration // after the tick
		with  string        // the fallback's conclusion
		count int           // dispatches
	}{
		"done before the suspicion":   {9 * time.Minute, "success", 1},
		"done after the hard grace":   {70 * time.Minute, "success", 1},
		"failed after the hard grace": {70 * time.Minute, "failure", 2},
		"failed before the suspicion": {9 * time.Minute, "failure", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
			b.until(tick.Add(5 * time.Minute))
			x := b.begun("workflow_dispatch")
			b.see(x)
			b.pass(3 * time.Minute)
			b.end(x, "failure")
			b.observe(x.ID)
			first := b.want(Verifying)
			d := b.dispatched()[0]
			if err := d.Progress(); err != nil {
				t.Fatal(err)
			}
			b.until(tick.Add(c.ends))
			b.end(d, c.with)
			b.observe(d.ID)
			b.until(tick.Add(90 * time.Minute))
			if n := b.effects()[kindDispatch]; n != c.count {
				t.Errorf("the fallback was started %d times, want %d", n, c.count)
			}
			if c.count > 1 {
				return
			}
			b.wantState(b.incident(first.ID), Recovered)
			missed := b.newest()
			b.wantState(missed, Healthy)
			if b.tickOutcome(tick) != store.TickMissed {
				t.Errorf("tick %s", b.tickOutcome(tick))
			}
			b.until(tick.Add(11 * time.Hour))
			b.skipsByGuard(b.come())
			if missed = b.incident(missed.ID); missed.Late != latePrimarySkipped {
				t.Errorf("late primary %q", missed.Late)
			}
		})
	}
}

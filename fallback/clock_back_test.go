package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// A clock that is a day ahead for two minutes leaves no schedule settled until
// then: ticks that come after it was set right, and are missed, are made up for.
// So it is when the process ends in between.
func TestTheClockJumpsADayAheadAndBack(t *testing.T) {
	for name, restart := range map[string]bool{"at the next look": false, "at the start": true} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
			tick := b.toTick("0 * * * *")
			b.enrol(every("0 * * * *"))
			b.until(tick.Add(5 * time.Minute))
			b.observe(b.run(primaryPath, "schedule", "success").ID)
			now := b.clock.Now()
			b.clock.Advance(24 * time.Hour)
			b.look()
			b.work()
			b.clock.Advance(now.Add(2 * time.Minute).Sub(b.clock.Now()))
			if restart {
				b.restart()
			}
			b.look()
			if w := b.watched(primaryPath); w.SettledThrough.Time().After(b.clock.Now()) || w.DueAt.Time().After(tick.Add(2*time.Hour)) {
				t.Errorf("settled through %s, due at %s, and it is %s", w.SettledThrough.Time(), w.DueAt.Time(), b.clock.Now())
			}
			b.until(tick.Add(4 * time.Hour))
			if n := b.effects()[kindRun]; n != 2 && n != 3 { // the ticks of one and two hours later, and three
				t.Errorf("%d were made up for: %+v", n, b.ofState(States...))
			}
		})
	}
}

package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

// A weekly schedule whose runs come two hours late, always: no more than the
// first few are taken for missed.
func TestWeeklyScheduleLearns(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}}, "0 6 * * 1")
	for week := range 12 {
		before := b.effects()[kindDispatch]
		b.until(tick.Add(time.Duration(week)*7*24*time.Hour + 2*time.Hour))
		x := b.come()
		b.end(x, "success")
		b.observe(x.ID)
		if made := b.effects()[kindDispatch] - before; made > 0 && week >= schedule.MinSamples {
			t.Errorf("week %d: a run that is as late as ever was made up for", week)
		}
	}
	if w := b.watched(primaryPath); w.Hard != (150*time.Minute).Milliseconds() || w.Samples < 11 { // of a week ago, maybe
		t.Errorf("hard %v ms of %d samples", w.Hard, w.Samples)
	}
}

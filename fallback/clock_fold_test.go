package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// The run of an hour that comes twice is not cancelled as the late one of a tick
// that was made up for that evening.
func TestTheHourThatComesTwiceCancelsNothing(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}, Recover: []config.Step{local}})
	start := time.Date(2026, 10, 24, 18, 0, 0, 0, time.UTC)
	b.clock.Advance(start.Add(-10 * time.Minute).Sub(b.clock.Now()))
	b.restart()
	b.record(store.Repository{})
	b.enrol(map[string]string{primaryPath: "on: {schedule: [{cron: '0 * * * *', timezone: Europe/Berlin}], workflow_dispatch: {}}\n" + plainJobs})
	for hour := range 8 {
		b.until(start.Add(time.Duration(hour)*time.Hour + 30*time.Second))
		if hour < 3 { // dropped
			continue
		}
		x := b.come()
		if hour == 7 { // 02:00 for the second time; it waits for a runner
			b.pass(3 * time.Minute)
			b.wantCancels(0, 0)
			return
		}
		b.begin(x)
		b.end(x, "success")
		b.observe(x.ID)
	}
}

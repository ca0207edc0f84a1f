package commands

import (
	"testing"

	"github.com/redundancy-app/redundancy/fallback"
)

// Late is shown as late: nothing is known to have failed.
func TestStateOfALateTick(t *testing.T) {
	for want, w := range map[string]fallback.WorkflowStatus{
		"late by 43m":                          {State: fallback.Suspected, Schedule: &fallback.ScheduleStatus{Late: &fallback.LateTick{By: 43*60 + 12}}},
		"`healthy`, its run came late by 1h5m": {State: fallback.Healthy, Schedule: &fallback.ScheduleStatus{Late: &fallback.LateTick{By: 65 * 60, Run: 7}}},
		"`healthy`":                            {State: fallback.Healthy, Schedule: &fallback.ScheduleStatus{}},
		"`suspected`":                          {State: fallback.Suspected},
	} {
		if got := stateOf(&w); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

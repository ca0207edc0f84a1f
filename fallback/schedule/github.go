package schedule

import "strings"

// Event is the event of runs that nothing but the time has started.
const Event = "schedule"

// SwitchedOff says whether a schedule starts nothing while GitHub gives its
// workflow this state ("Get a workflow").
func SwitchedOff(state string) bool { return strings.HasPrefix(state, "disabled") }

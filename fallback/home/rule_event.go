package home

import (
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

var ruleEvent = Rule{
	ID: "event", Refuses: "an event other than `schedule`, `workflow_dispatch` and `push`, or one that the workflow does not listen to",
	Why: "other events carry content of strangers, or cannot be told again",
}

// events that a run at home can be made up for.
var events = []string{"schedule", "workflow_dispatch", "push"}

func (j *judge) event(f *file) {
	e := j.in.Run.Event
	switch {
	case strings.HasPrefix(e, pullRequest): // rule fork
	case !slices.Contains(events, e):
		j.refuse(&ruleEvent, f.at(nil), "the event %s is none that is made up for at home", show(e))
	case !config.FactsOf(f.w, false).Triggers[e]:
		j.refuse(&ruleEvent, f.at(nil), "the workflow does not listen to the event %s", show(e))
	}
}

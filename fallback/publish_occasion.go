package fallback

import (
	"fmt"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/store"
)

// occasion says what an incident is about, for its Check Run.
func occasion(inc *store.Incident) string {
	branch := checkrun.Code(inc.HeadBranch)
	workflow := checkrun.Code(workflowName(inc.WorkflowPath))
	linked := workflow
	if inc.RunURL != "" {
		linked = fmt.Sprintf("[%s](%s)", workflow, inc.RunURL)
	}
	tick := ""
	if inc.TickAt != 0 {
		tick = fmt.Sprintf(" for the tick of %s (%s)", showTick(inc), checkrun.Code(inc.TickCron))
	}
	switch {
	case Signal(inc.Signal) == Disabled:
		return fmt.Sprintf("%s on %s is switched off: **%s**.\n", linked, branch, checkrun.Escape(inc.Conclusion))
	case inc.RunID == 0 && Signal(inc.Signal) == Missed:
		return fmt.Sprintf("%s on %s has started no run%s.\n%s", linked, branch, tick, lateOccasion(inc))
	case inc.RunID == 0:
		return fmt.Sprintf("%s on %s has started no run.\n", linked, branch)
	}
	what := fmt.Sprintf("[run %d](%s) of %s on %s%s, attempt %d", inc.RunID, inc.RunURL, workflow, branch, tick, inc.RunAttempt)
	if inc.Conclusion == "" {
		return what + ".\n"
	}
	return fmt.Sprintf("%s, concluded **%s**.\n%s", what, checkrun.Escape(inc.Conclusion), lateOccasion(inc))
}

// lateOccasion says what became of the tick's own run when it came after its
// recovery.
func lateOccasion(inc *store.Incident) string {
	switch inc.LatePrimary {
	case latePrimarySkipped:
		return lateRun(inc) + ", asked for the claim, and was told to skip the work.\n"
	case latePrimaryCancelled:
		return "Its own run came later and ended before a step of it had begun.\n"
	case latePrimaryDuplicate:
		return "**Its own run came as well: the work may have been done twice.**\n"
	}
	return ""
}

// lateRun says how an incident's own run turned up again.
func lateRun(inc *store.Incident) string {
	switch Signal(inc.Signal) {
	case Failed:
		return "The run was started again"
	case Stalled:
		return "The run got on after all"
	default:
		return "The run came after all"
	}
}

// titleOf is the title of an incident whose run did not fail, "" where the
// usual one fits.
func titleOf(inc *store.Incident) string {
	name := workflowName(inc.WorkflowPath)
	switch s := State(inc.State); {
	case Signal(inc.Signal) == Disabled && s == Exhausted:
		return name + " is switched off"
	case Signal(inc.Signal) == Disabled && s == Recovered:
		return name + " was switched on again"
	case Signal(inc.Signal) == Missed && inc.RunID == 0 && s == Superseded:
		return name + ": a newer tick took its place"
	case Signal(inc.Signal) == Missed && inc.RunID == 0 && s == Exhausted:
		return name + " was missed, and not recovered"
	case inc.LatePrimary == latePrimaryDuplicate && s == Recovered:
		return name + " recovered; its own run came late as well"
	}
	return ""
}

package fallback

import (
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// next says what a person can do.
func (x *explainer) next() {
	name := workflowName(x.inc.WorkflowPath)
	switch State(x.inc.State) {
	case Suspected:
		x.say("There is nothing to do: it is looked at again.")
	case Failing, Recovering, Verifying:
		x.waits(name)
	case Suppressed:
		x.say("%s, %s.", x.wish("To recover it all the same"), x.press(name))
	case InDoubt:
		x.doubts(name)
	case Exhausted:
		again := "To try the steps again"
		if n := x.rungs(); n == 1 {
			again = "To try the step again"
		}
		if Signal(x.inc.Signal) == Disabled {
			x.say("If it was switched off on purpose, nothing is to be done. Enabling it on GitHub closes this. %s, %s.", x.wish(again), x.press(name))
			break
		}
		x.say("Repair what is broken; a later success closes this. %s, %s.", again, x.press(name))
	}
	if x.pause != nil && !State(x.inc.State).Settled() && x.pause.Scope == store.PauseWorkflow {
		x.say("To end the pause, write: /redundancy resume %s", name)
	}
}

// wish is what Recover is for, which is another thing for a workflow that is
// switched off.
func (x *explainer) wish(usual string) string {
	if Signal(x.inc.Signal) == Disabled {
		return "Recover enables the workflow again: to have that"
	}
	return usual
}

// waits is about an incident that is being recovered, if its claim is not in
// other hands.
func (x *explainer) waits(name string) {
	if x.claim == nil || isIncident(x.claim.Owner) || State(x.inc.State) == Verifying {
		x.say("There is nothing to do while it is being recovered.")
		return
	}
	id, _, isRun := ownerRun(x.claim.Owner)
	switch {
	case x.claim.State == store.ClaimInDoubt:
		x.doubts(name)
	case x.claim.State == store.ClaimHeld && isRun:
		x.say("Run %d holds the claim, and no step begins before it has ended or said what it did; after %s a person decides. To have the next step do the work, cancel the run.", id, at(x.claim.LeaseUntil))
	case x.claim.State == store.ClaimHeld:
		x.say("No step begins before the claim is given back; after %s a person decides.", at(x.claim.LeaseUntil))
	default:
		x.say("There is nothing to do while it is being recovered.")
	}
}

// doubts names both ways out of a doubt.
func (x *explainer) doubts(name string) {
	twice := ""
	if x.claim != nil {
		if id, _, isRun := ownerRun(x.claim.Owner); isRun && x.claim.State == store.ClaimInDoubt {
			twice = fmt.Sprintf("cancel run %d if it is still under way, and ", id)
		}
	}
	if Signal(x.inc.Signal) == Stalled && x.inc.HeldBy == proofName {
		x.say("Run %d is still under way: %s. Cancel it first if its work is to be done by the next step; otherwise both may do it. Then %s. If the work was done meanwhile, %s.", x.inc.RunID, x.inc.RunURL, x.press(name), x.pressDone())
		return
	}
	x.say("Find out whether the work was done. If it was, %s. If it was not, %s%s.", x.pressDone(), twice, x.press(name))
}

// press says how a person has it recovered.
func (x *explainer) press(name string) string {
	return fmt.Sprintf("press Recover, comment /redundancy recover %s, or run: redundancy recover %s/%s %s", name, x.inc.Owner, x.inc.Repo, name)
}

// pressDone says how a person ends a doubt without anything being done again.
func (x *explainer) pressDone() string {
	return fmt.Sprintf("press It was done, comment /redundancy done %d, or run: redundancy recover --done %d", x.inc.ID, x.inc.ID)
}

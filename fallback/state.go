package fallback

import (
	"fmt"
	"slices"
)

// State of an incident.
type State string

// The states of an incident. docs/state-machine.md explains them.
const (
	Healthy    State = "healthy"    // closed: a later run of the workflow succeeded
	Suspected  State = "suspected"  // something looks wrong and is not confirmed yet
	Failing    State = "failing"    // confirmed; no step has begun in this round
	Recovering State = "recovering" // steps are being tried
	Verifying  State = "verifying"  // a step has acted; its evidence is awaited
	Recovered  State = "recovered"  // proven by evidence
	Exhausted  State = "exhausted"  // no step is left
	Suppressed State = "suppressed" // held back, by the breaker or because there were too many
	Superseded State = "superseded" // the run itself succeeded, without our help
	InDoubt    State = "in_doubt"   // a step's outcome cannot be found out; a person decides
)

// States are all states, in the order in which an incident meets them.
var States = []State{Healthy, Suspected, Failing, Recovering, Verifying, Recovered, Exhausted, Suppressed, Superseded, InDoubt}

// transition is a row of the state machine.
type transition struct {
	From, To State
	When     string // for the documentation
}

// transitions is the state machine. Nothing else moves an incident; a change
// here goes into docs/state-machine.md, a test compares them.
var transitions = []transition{
	{Healthy, Failing, "a watched run concluded failure, timed_out or startup_failure on the default branch; a tick that was only late comes back so"},
	{Healthy, Suspected, "a tick, a push or a run is late beyond the soft grace"},

	{Suspected, Failing, "fresh answers of GitHub's confirm it beyond the hard grace"},
	{Suspected, Healthy, "it came after all, or the workflow is not watched any more"},
	{Suspected, Superseded, "a newer tick or commit took its place, or another incident is about the cause"},
	{Suspected, Suppressed, "what it depends on is down, or somebody has paused the workflow"},
	{Suspected, Exhausted, "nothing is to be done about it: catchup is none"},
	{Suspected, InDoubt, "whether it can still happen is not to be found out"},

	{Failing, Recovering, "the claim was won; the first step's intent is written"},
	{Failing, Suppressed, "a gate holds it back: breaker, bounds, budget, pause, cool-down, flapping, or an upstream incident"},
	{Failing, Exhausted, "no step applies, or recoveries of this failure do not last (recover_loop)"},
	{Failing, Superseded, "the run itself succeeded after all, a newer tick or commit took its place, or somebody has ended the run"},
	{Failing, Healthy, "a later run of the workflow succeeded on the branch, or the workflow or its tick is not watched any more; an upstream incident: it works again"},
	{Failing, InDoubt, "the claim is in doubt, or the run can still take effect and a second execution would do harm"},

	{Recovering, Recovering, "the next step's intent is written, or a step failed and the next one comes"},
	{Recovering, Verifying, "the step's effect has happened"},
	{Recovering, Suppressed, "a gate holds the next step back"},
	{Recovering, Exhausted, "no step is left"},
	{Recovering, Superseded, "the run itself succeeded after all, a newer commit took its place, or somebody has ended the run"},
	{Recovering, Healthy, "a later run of the workflow succeeded on the branch, or the workflow is not watched any more"},
	{Recovering, InDoubt, "the step's outcome cannot be found out"},

	{Verifying, Recovered, "the evidence says success"},
	{Verifying, Recovering, "the evidence says anything else"},
	{Verifying, Superseded, "the run was re-run by somebody and succeeded"},
	{Verifying, Healthy, "the workflow is not watched any more, and no evidence came in time"},
	{Verifying, InDoubt, "no evidence came in time, it is gone, or it proves nothing"},

	{Exhausted, Failing, "a person, or at most three times another system, asked for another round; or its steps could not begin, and what they depend on works again"},
	{Exhausted, Superseded, "the run was re-run by somebody and succeeded, what a step had started did the work after all, or a newer tick or commit took its place"},
	{Exhausted, Healthy, "a later run of the workflow succeeded on the branch, or the workflow is not watched any more"},

	{Suppressed, Failing, "nothing holds it back any more, or a person asked for it"},
	{Suppressed, Suspected, "nothing holds it back any more, and it was not confirmed before"},
	{Suppressed, Exhausted, "recoveries of this failure do not last (recover_loop)"},
	{Suppressed, Superseded, "the run itself succeeded after all, a newer tick or commit took its place, or somebody has ended the run"},
	{Suppressed, Healthy, "a later run of the workflow succeeded on the branch, or the workflow is not watched any more"},

	{InDoubt, Failing, "a person decided to go on with the next step, or it is proven that nothing else will do the work"},
	{InDoubt, Recovered, "late evidence says success, or a person says that the work was done"},
	{InDoubt, Recovering, "late evidence says that the step failed"},
	{InDoubt, Healthy, "a later run of the workflow succeeded on the branch, and no step of ours is in doubt, or the workflow is not watched any more"},
	{InDoubt, Superseded, "the run was re-run by somebody and succeeded, or a newer tick or commit took its place"},
}

// allowed says whether the table has the transition.
func allowed(from, to State) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.From == from && t.To == to })
}

// Active is true of states in which the engine works on the incident by itself.
func (s State) Active() bool {
	return s == Suspected || s == Failing || s == Recovering || s == Verifying
}

// Settled is true of states in which nothing is left to do, for anybody.
func (s State) Settled() bool { return s == Healthy || s == Recovered || s == Superseded }

// Waiting is true of states in which a person can ask for more.
func (s State) Waiting() bool { return s == Exhausted || s == Suppressed || s == InDoubt }

// unsettled are the states of incidents that are not over.
var unsettled = []string{string(Suspected), string(Failing), string(Recovering), string(Verifying), string(Exhausted), string(Suppressed), string(InDoubt)}

// errTransition is a mistake in this package: the table lacks what the code does.
func errTransition(from, to State) error {
	return fmt.Errorf("state machine has no transition from %s to %s", from, to)
}

// Package fallback recovers workflows that failed. A watched run that fails on
// the default branch opens one incident; the steps that the repository declared
// are tried in order, each claimed before and proven by evidence after, until
// one has worked or none is left.
//
// Three rules hold everything together:
//
//   - A webhook is a hint. Every decision rests on what GitHub answers when
//     asked, merged into a record that never goes backwards.
//   - Every effect is written down as an intent before, and as an outcome
//     after. An intent without an outcome is resolved by asking, never by
//     doing it again.
//   - The states of an incident change through one table, by compare-and-swap
//     on (state, version); each change is a line of the timeline.
//
// The way of an incident through the files: observe*.go → open.go → advance*.go
// → proceed.go → step*.go → settle.go. By their beginnings:
//
//   - engine.go, action.go, rouse.go, metrics.go: what it is made of; state.go, move.go:
//     the table of states and the one way to change one
//   - observe*, classify, failurelog, jobs, steps_of, locate, correlate: what
//     GitHub shows, and what it means
//   - signal.go, subject_*: what an incident can be about, a file each; tick*,
//     late*, workflow_state are of ticks, expect and push_* of pushes,
//     inspect*, stall_* of runs that hang, primary, outdated, tombstone and
//     takeover of the run itself
//   - gate*, breaker, crowd, upstream*, dependency, canary, corroborate: what
//     holds a recovery back
//   - claim*: who does the work of an occurrence
//   - step*, target, listeners, settl*, backoff, patience: what is done, and
//     what came of it
//   - recover*, pause*, resume: what people ask for
//   - publish*, status*, explain*: what people are shown
//
// What needs no incident has a package of its own, and says by an interface
// what it asks of incidents: clock watches the schedules and hands over the
// ticks that no run has answered (clock.go and tick.go are its side here);
// upstream keeps the breakers of what all depend on (dependency.go and
// upstream.go). Others only compute: schedule ticks, storm breakers, budgets
// and turns; stall, failure and home judge what they are shown. runs reads runs from GitHub.
package fallback

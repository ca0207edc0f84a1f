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
// The way through the files: observe.go → open.go → advance.go → step_*.go →
// settle.go, with publish.go and status.go on the side and recover.go for what
// people ask for.
package fallback

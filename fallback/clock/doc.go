// Package clock watches the schedules of workflows: it keeps a row, a watch,
// for every watched workflow, finds out which tick of its schedule each run
// answers, learns how late they usually are, and notices the ticks that no run
// has answered. What is done about those is not its business: it hands them to
// [Incidents].
//
// The way through the files: enrol.go makes the watches, match.go gives runs
// their ticks, run.go waits until a watch is due, look.go settles its ticks by
// what fate.go says about each, and learn.go says how long to wait.
package clock

// Package stall judges whether an attempt of a workflow run waits or hangs
// longer than it should, from what GitHub shows of its jobs and from how long
// the workflow's own runs usually take. It reads nothing and waits for
// nothing; package fallback acts upon what it says.
package stall

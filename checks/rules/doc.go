// Package rules finds what is wrong with one workflow file: actionlint's
// findings with a severity, and our own rules, one per file, which find what
// actionlint does not look for or put into plain words what it reports as a
// consequence. testdata holds a workflow per rule with the findings expected
// (go test ./checks/rules -update rewrites them).
package rules

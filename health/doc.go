// Package health turns what was seen of watched workflows into figures that a
// person can check by hand: a score from 0 to 100 with an open formula, in
// which every deduction names its cause, the trend of two weeks, availability,
// the time until trouble was noticed and the time until it was over.
//
// It reads and computes; it causes nothing. docs/health.md explains the
// formula, and a test holds the page to the code.
package health

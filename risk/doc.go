// Package risk says how likely the next run of a workflow fails, going by its
// own history, and how far that can be trusted: a posterior with an interval, a
// change of regime, an unusual duration, queue times of the whole fleet, and a
// backtest that holds the score against the plain baselines.
//
// It detects bad periods; it does not pick the run that will fail. Where its
// skill is not above that of the base rate, or the history is too short, it says
// "not enough signal" instead of a number.
//
// Nothing acts on it. No package that causes effects may import it: a test in
// internal/layout holds that.
package risk

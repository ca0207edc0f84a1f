// Package checks validates the workflow files and the configuration of a commit
// and says so in the Check Run "redundancy / validate". [Lint] is the pure
// part, which the command line shares; [Validator] is the worker that reads a
// commit from GitHub, only what has changed, and posts the result.
package checks

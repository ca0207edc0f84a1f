// Package history knows runs that no webhook has told of: those from before a
// workflow was watched, which thresholds are learned from, and those whose
// webhooks were lost, which have to be acted upon like any other.
//
// Both are read from GitHub's lists by jobs, one at a time per installation, at
// a rate that leaves the installation's limit to the work itself. What is found
// is handed to the recovery engine as if a webhook had brought it; this package
// draws no conclusions of its own.
package history

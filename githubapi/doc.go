// Package githubapi is the way to GitHub: one client per installation, each
// with its own token, its own bounded cache of conditional requests, typed
// rate-limit errors that put a job off instead of blocking a worker, timeouts
// and metrics. Which error is retried, and why, stands in retryable.go.
package githubapi

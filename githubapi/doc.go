// Package githubapi is the way to GitHub: one client per installation, each
// with its own token, its own bounded cache of conditional requests, typed
// rate-limit errors that put a job off instead of blocking a worker, timeouts
// and metrics. Which error is retried, and why, stands in retryable.go.
//
// A request passes, from the outside in:
//
//	identity      whose request it is; refused while that installation is limited; the time limit
//	conditional   If-None-Match from the cache; a 304 becomes the 200 it confirms
//	ghinstallation  the token; one is minted through the layers below when needed
//	guard         only the API's origin; no write turned into a read by a redirect
//	tokenWatch    tokens that GitHub refuses: dormant installations, revoked tokens
//	limiter       403 and 429 become LimitError; nothing is sent while one is in force
//	breaker       nothing is sent while GitHub keeps failing
//	sender        counts; tells failures before the first byte from those after it
package githubapi

// Package upstream knows how what recoveries depend on is doing: whether runs
// begin at GitHub, whether its API answers, whether its webhooks come, how much
// of a rate limit is left, and whether a host can be used. Each is a row with a
// breaker, which package storm computes; this package feeds it with what was
// seen, and writes down what becomes of it. What follows for incidents is not
// its business: it tells [Incidents].
package upstream

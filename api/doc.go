// Package api serves what people's tools and the command line read and ask
// for: /api/v1, /healthz, /readyz and /metrics. It shows state and enqueues
// requests; it decides nothing itself.
//
// Every route of /api/v1 needs the bearer token, except its own description,
// openapi.json. A guard token opens the claims of its repository besides, and
// nothing else.
package api

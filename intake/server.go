package intake

import "time"

// Timeouts and limits for the http.Server in front of the handler. Without
// them a client that sends one byte a minute holds a connection, and the part
// of the body budget that its body took, for ever.
const (
	// ReadHeaderTimeout bounds the time for the request's head.
	ReadHeaderTimeout = 5 * time.Second
	// ReadTimeout bounds head and body together. GitHub cuts the connection
	// after 10 s anyway (30 s on GitHub Enterprise Server), so whoever needs
	// longer is not GitHub.
	ReadTimeout = 30 * time.Second
	// BodyGrace is how long a body may take to begin, and MinBodyRate how many
	// bytes of it must come in each second after that. GitHub's 10 s for all are
	// 2.5 MiB/s for a body of the largest size.
	BodyGrace   = 5 * time.Second
	MinBodyRate = 64 << 10
	// WriteTimeout bounds reading the body, storing it and answering.
	WriteTimeout = ReadTimeout + StoreTimeout + 5*time.Second
	// IdleTimeout closes kept-alive connections without a request.
	IdleTimeout = 2 * time.Minute
	// MaxHeaderBytes is plenty: GitHub's headers take less than 2 KiB.
	MaxHeaderBytes = 16 << 10

	// MaxBody is the largest body that is read, in bytes. GitHub sends no
	// webhook whose payload is above 25 MB
	// (https://docs.github.com/webhooks/webhook-events-and-payloads).
	MaxBody = 25 << 20
	// StoreTimeout is how long a request waits for its commit before it is
	// answered 503. It leaves GitHub's 10 s some room for the network.
	StoreTimeout = 8 * time.Second
	// RetryAfter is the pause that a 503 asks for. GitHub itself never
	// retries; proxies and our own sweep do.
	RetryAfter = 10 * time.Second
)

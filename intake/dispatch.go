package intake

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-github/v62/github"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"
)

// catchAll makes the dispatcher schedule every event. It never runs: the
// scheduler stores the delivery, and the [Worker] finds the event's own
// handler later.
type catchAll []string

func (c catchAll) Handles() []string { return c }

func (catchAll) Handle(context.Context, string, string, []byte) error {
	return errors.New("the catch-all handler was run instead of stored")
}

// gate is one secret: the check of its signatures and the dispatcher behind it.
type gate struct {
	*verifier
	secret     string
	known      map[string]bool
	dispatcher http.Handler // of the known events
	options    []githubapp.DispatcherOption
	receipt    http.Header
}

func newGate(secret string, options ...githubapp.DispatcherOption) *gate {
	g := &gate{verifier: newVerifier(secret), secret: secret, known: map[string]bool{}, options: options}
	events := knownEvents()
	for _, e := range events {
		g.known[e] = true
	}
	g.dispatcher = githubapp.NewEventDispatcher([]githubapp.EventHandler{catchAll(events)}, secret, options...)
	g.receipt = http.Header{
		http.CanonicalHeaderKey(github.SHA256SignatureHeader): {g.header(nil)},
		"Content-Type": {"application/json"},
	}
	return g
}

// dispatcherOf gives the dispatcher that schedules event. The dispatcher
// answers events outside its handlers' lists without scheduling them, and
// GitHub invents new ones: such an event gets a dispatcher for itself, which
// costs one small map.
func (g *gate) dispatcherOf(event string) http.Handler {
	if g.known[event] {
		return g.dispatcher
	}
	return githubapp.NewEventDispatcher([]githubapp.EventHandler{catchAll{event}}, g.secret, g.options...)
}

// verified is a payload whose signature was checked, on its way through the
// dispatcher to [Inbox.Schedule].
type verified struct{ payload []byte }

type verifiedKey struct{}

// pass sends a verified request through the dispatcher. The dispatcher reads
// and hashes a body itself: for a webhook of 17 KiB that is 43 µs and 40 KiB of
// garbage on top of our own 15 µs, a third of the whole request. So it gets the
// payload as a value, and for a body a receipt: nothing, signed with the secret
// that has just matched, which its own check still has to accept.
func (g *gate) pass(w http.ResponseWriter, r *http.Request, log zerolog.Logger, payload []byte) {
	ctx := context.WithValue(log.WithContext(r.Context()), verifiedKey{}, &verified{payload})
	passed := r.WithContext(ctx)
	passed.Header = http.Header{
		github.EventTypeHeader:  r.Header[github.EventTypeHeader],
		github.DeliveryIDHeader: r.Header[github.DeliveryIDHeader],
	}
	for name, values := range g.receipt {
		passed.Header[name] = values
	}
	passed.Body = http.NoBody
	g.dispatcherOf(r.Header.Get(github.EventTypeHeader)).ServeHTTP(w, passed)
}

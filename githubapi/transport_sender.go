package githubapi

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/jonboulle/clockwork"
)

// sender is the innermost layer: it counts what really goes out, and tells
// errors before the first byte from those after it. No layer above repeats a
// request; http.Transport itself repeats only idempotent ones, and others only
// when it has written nothing.
type sender struct {
	meter  *meter
	prefix string
	clock  clockwork.Clock
	next   http.RoundTripper
}

func (s *sender) RoundTrip(req *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	operation := operationOf(s.prefix, req)
	start := s.clock.Now()
	resp, err := s.next.RoundTrip(req.WithContext(ctx))
	s.meter.sent(operation, resp, s.clock.Since(start))
	if err != nil && !connected.Load() {
		return nil, &unsentError{err}
	}
	return resp, err
}

// unsentError is a failure without a connection: the request has had no effect.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// Timeout keeps net.Error's answer visible to net/http, which asks the
// outermost error only.
func (e *unsentError) Timeout() bool {
	t, ok := e.err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

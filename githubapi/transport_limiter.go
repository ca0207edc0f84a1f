package githubapi

import (
	"bytes"
	"io"
	"net/http"
)

// maxErrorBody is what is read of an error's body, in bytes. GitHub's are a
// few hundred; a proxy's page is cut.
const maxErrorBody = 64 << 10

// limiter turns rate limit answers into [LimitError], so that every layer
// above sees one form of them, for 403 and 429 and for minting alike, and
// sends nothing while one is in force.
type limiter struct {
	limits *limits
	meter  *meter
	prefix string
	next   http.RoundTripper
}

func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	who, resource := payer(req), resourceOf(l.prefix, req.URL.Path)
	if err := l.limits.refuse(who, resource); err != nil {
		closeBody(req)
		l.meter.refused("limit")
		return nil, err
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	now := l.limits.clock.Now()
	if name := resp.Header.Get("X-RateLimit-Resource"); name == "" {
		resp.Header.Set("X-RateLimit-Resource", resource)
	}
	l.meter.rate(who, resp.Header)
	if resp.StatusCode < http.StatusBadRequest {
		l.limits.passed(who)
		l.exhausted(who, resp.Header)
		return resp, nil
	}
	body := readError(resp)
	if e, ok := parseLimit(resp.StatusCode, resp.Header, body, now); ok {
		return nil, l.limits.limit(who, e)
	}
	l.exhausted(who, resp.Header)
	return resp, nil
}

// exhausted closes the gate with the answer that used up the last request. The
// reset is then hidden from go-github, whose own gate would open at an
// unclamped moment.
func (l *limiter) exhausted(who int64, h http.Header) {
	if h.Get("X-RateLimit-Remaining") != "0" {
		return
	}
	if until, ok := resetAt(h, l.limits.clock.Now()); ok {
		_ = l.limits.limit(who, LimitError{Until: until, Resource: h.Get("X-RateLimit-Resource"), Status: http.StatusOK})
	}
	h.Del("X-RateLimit-Reset")
}

// readError takes the body off the connection and puts a copy in its place.
// ghinstallation leaves an error's body open, which would leak the connection.
func readError(resp *http.Response) []byte {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status is known; a short body only loses detail
	closeAnswer(resp)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return body
}

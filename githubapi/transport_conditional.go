package githubapi

import (
	"context"
	"io"
	"net/http"

	"github.com/gregjones/httpcache"
)

// conditional makes every repeated GET a conditional one. A 304 does not count
// against the rate limit, and looks to go-github like the 200 it confirms.
//
// It lies above ghinstallation. Below, where go-githubapp puts its cache, the
// hourly new token meets GitHub's "Vary: Authorization", and nothing matches
// any more (palantir/go-githubapp#437); and tokens would lie in the cache.
type conditional struct {
	cached http.RoundTripper
	direct http.RoundTripper
	meter  *meter
}

func newConditional(cache httpcache.Cache, meter *meter, next http.RoundTripper) *conditional {
	return &conditional{
		cached: &httpcache.Transport{Transport: &revalidate{next: next}, Cache: cache, MarkCachedResponses: true},
		direct: next,
		meter:  meter,
	}
}

// uncached marks requests whose answers are not worth memory: they never
// change, or are kept in a better form elsewhere.
func uncached(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncachedKey, true)
}

func (c *conditional) RoundTrip(req *http.Request) (*http.Response, error) {
	// httpcache would hand a 304 to the caller of a HEAD, and one to a caller
	// who brought a validator along.
	skip, _ := req.Context().Value(uncachedKey).(bool)
	if skip || req.Method != http.MethodGet || req.Header.Get("Range") != "" || req.Header.Get("If-None-Match") != "" {
		return c.direct.RoundTrip(req)
	}
	resp, err := c.cached.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.Header.Get(httpcache.XFromCache) != "" {
		c.meter.cache("revalidated")
	} else {
		c.meter.cache("missed")
	}
	resp.Body = &drained{body: resp.Body}
	return resp, nil
}

// revalidate tells httpcache what to keep, and that nothing kept is ever
// fresh: GitHub sends max-age=60, and a minute-old run would be acted upon.
type revalidate struct{ next http.RoundTripper }

func (r *revalidate) RoundTrip(req *http.Request) (*http.Response, error) {
	// ghinstallation's AppsTransport writes the token into the header that it
	// is given, and httpcache stores what it then finds there.
	resp, err := r.next.RoundTrip(req.Clone(req.Context()))
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified:
	case resp.StatusCode == http.StatusOK && resp.ContentLength <= maxCachedAnswer && hasValidator(resp.Header):
	default:
		// Links to logs are secrets in a 302; errors have no validator.
		resp.Header.Set("Cache-Control", "no-store")
		return resp, nil
	}
	resp.Header.Set("Cache-Control", "no-cache")
	return resp, nil
}

func hasValidator(h http.Header) bool {
	return h.Get("Etag") != "" || h.Get("Last-Modified") != ""
}

// maxDrain is what is read of an answer after its reader has had enough, in
// bytes: a line end and the end marks of chunks and gzip.
const maxDrain = 64 << 10

// drained reads a body to its end when it is closed. httpcache stores an
// answer at io.EOF, but json.Decoder stops at the closing brace, so answers
// without a Content-Length would never be stored (google/go-github#1503).
type drained struct {
	body io.ReadCloser
	done bool // at the end, or broken; httpcache would store again at every EOF
}

func (d *drained) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.done = d.done || err != nil
	return n, err
}

func (d *drained) Close() error {
	if !d.done {
		_, _ = io.CopyN(io.Discard, d, maxDrain) // for its effect only; the caller has what it wanted
	}
	return d.body.Close()
}

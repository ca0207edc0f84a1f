package githubapi

import (
	"net/http"
	"net/url"
	"strings"
)

// guard keeps tokens on the API's origin. ghinstallation signs whatever
// request comes by, so a redirect to another host would carry the token there;
// net/http strips only the headers that it has set itself.
type guard struct {
	origin    *url.URL
	userAgent string
	meter     *meter
	next      http.RoundTripper
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.EqualFold(req.URL.Scheme, g.origin.Scheme) || !strings.EqualFold(req.URL.Host, g.origin.Host) {
		closeBody(req)
		g.meter.refused("host")
		return nil, &HostError{Host: req.URL.Host, Allowed: g.origin.Host}
	}
	if req.Header.Get("User-Agent") == "" { // the minting of a token; GitHub refuses requests without one
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", g.userAgent)
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// net/http would repeat these as a GET and report its answer as the
	// success of the write. 307 and 308 keep method and body and are followed.
	if changesMethod(resp.StatusCode) && req.Method != http.MethodGet && req.Method != http.MethodHead {
		closeAnswer(resp)
		return nil, &RedirectError{Method: req.Method, Path: req.URL.Path, Status: resp.StatusCode}
	}
	return resp, nil
}

func changesMethod(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther
}

// closeBody keeps RoundTripper's promise to close the body, sent or not.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func closeAnswer(resp *http.Response) { _ = resp.Body.Close() }

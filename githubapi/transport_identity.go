package githubapi

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type contextKey int

const (
	installationKey contextKey = iota
	uncachedKey
)

// identity is the outermost layer of a client: it says below whose request
// this is, and refuses while that installation is limited, before a token is
// minted for a request that would not be sent.
type identity struct {
	installation int64 // 0: the App itself
	limits       *limits
	meter        *meter
	prefix       string
	timeout      time.Duration
	next         http.RoundTripper
}

func (i *identity) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := i.limits.refuse(i.installation, resourceOf(i.prefix, req.URL.Path)); err != nil {
		closeBody(req)
		i.meter.refused("limit")
		return nil, err
	}
	// A clone, not WithContext: ghinstallation writes into the header map, and
	// the caller's request must not end up with a token in it.
	ctx, cancel := context.WithTimeout(context.WithValue(req.Context(), installationKey, i.installation), i.timeout)
	resp, err := i.next.RoundTrip(req.Clone(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// timedBody ends the time limit with the answer. http.Client's own Timeout
// would do so at Close only, and go-github v62 never closes the body of an
// error (CheckResponse puts another in its place), which leaves a goroutine
// behind until the time is up.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *timedBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}

// payer is whose rate limit a signed request counts against: tokens are minted
// with the App's own JWT, although it happens on behalf of an installation.
func payer(req *http.Request) int64 {
	if strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
		return 0
	}
	id, _ := req.Context().Value(installationKey).(int64)
	return id
}

// tokenWatch listens for tokens that are refused, to an installation or by the
// API.
type tokenWatch struct {
	// dormant hears of a 403 or 404 at the minting of a token: the installation
	// is suspended or gone (ossf/allstar#314), which no repetition mends.
	dormant func(installationID int64)
	// spent hears of a 401 to a token: GitHub has revoked it before its hour
	// was over, as a suspension does. ghinstallation would keep it.
	spent func(installationID int64)
	next  http.RoundTripper
}

func (t *tokenWatch) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		if id := payer(req); id != 0 {
			t.spent(id)
		}
	case http.StatusForbidden, http.StatusNotFound:
		if id, ok := mintedFor(req); ok && t.dormant != nil {
			t.dormant(id)
		}
	}
	return resp, nil
}

// mintedFor reads the installation out of POST …/app/installations/ID/access_tokens.
func mintedFor(req *http.Request) (int64, bool) {
	rest, ok := strings.CutSuffix(req.URL.Path, "/access_tokens")
	if !ok || req.Method != http.MethodPost {
		return 0, false
	}
	_, number, ok := strings.Cut(rest, "/app/installations/")
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(number, 10, 64)
	return id, err == nil
}

package githubapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxLogRedirects from GitHub's link to where the log lies.
const maxLogRedirects = 5

// FetchLog reads the log behind a link that the API gave (job or run logs,
// valid for a minute), at most limit bytes from its beginning; truncated says
// that there is more. The link is a secret by itself, so it is requested
// without the token, and neither errors nor logs contain it.
func (c *Clients) FetchLog(ctx context.Context, link *url.URL, limit int) (text []byte, truncated bool, err error) {
	if err := checkLogLink(c.origin, link); err != nil {
		return nil, false, fmt.Errorf("fetch log: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.String(), nil)
	if err != nil {
		return nil, false, errors.New("fetch log: bad link")
	}
	req.Header.Set("User-Agent", c.cfg.userAgent())
	resp, err := c.plain.Do(req)
	if err != nil {
		var u *url.Error // its text holds the link
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, false, fmt.Errorf("fetch log from %s: %w", link.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, false, fmt.Errorf("fetch log from %s: status %d", link.Host, resp.StatusCode)
	}
	text, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return nil, false, fmt.Errorf("fetch log from %s: %w", link.Host, err)
	}
	if len(text) > limit {
		return text[:limit], true, nil
	}
	return text, false, nil
}

// checkLogLink lets links lead to https, and to the API's own origin, which is
// plain http on loopback.
func checkLogLink(origin, link *url.URL) error {
	if link == nil || link.Host == "" {
		return errors.New("no link")
	}
	if link.Scheme == "https" || link.Scheme == origin.Scheme && link.Host == origin.Host {
		return nil
	}
	return fmt.Errorf("link to %s is not https", link.Host)
}

func checkLogRedirect(origin *url.URL) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > maxLogRedirects {
			return errors.New("too many redirects")
		}
		return checkLogLink(origin, req.URL)
	}
}

package githubapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxLogRedirects from GitHub's link to where the log lies.
const maxLogRedirects = 5

// FetchLog reads the log behind a link that the API gave (job or run logs,
// valid for a minute). Of one that is larger than limit, in bytes, it reads the
// end, and truncated says so: that is where failures stand. Storage that does
// not serve parts, or does not say how much there is, gives the beginning
// instead. The link is a secret by itself, so it is requested without the
// token, and neither errors nor logs contain it.
func (c *Clients) FetchLog(ctx context.Context, link *url.URL, limit int) (text []byte, truncated bool, err error) {
	if err := checkLogLink(c.origin, link); err != nil {
		return nil, false, fmt.Errorf("fetch log: %w", err)
	}
	resp, err := c.logPart(ctx, link, 0)
	if err != nil {
		return nil, false, err
	}
	if size := resp.ContentLength; size > int64(limit) && resp.Header.Get("Accept-Ranges") != "none" {
		// Not "the last n bytes": Azure's storage, where GitHub keeps logs, knows
		// ranges from the beginning only.
		// https://learn.microsoft.com/rest/api/storageservices/specifying-the-range-header-for-blob-service-operations
		from := size - int64(limit)
		part, err := c.logPart(ctx, link, from)
		switch {
		case err == nil && part.StatusCode == http.StatusPartialContent && strings.HasPrefix(part.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", from)):
			resp.Body.Close()
			resp, truncated = part, true
		case err == nil:
			part.Body.Close()
		}
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return nil, false, fmt.Errorf("fetch log from %s: %w", link.Host, err)
	}
	if len(text) > limit {
		return text[:limit], true, nil
	}
	return text, truncated, nil
}

// logPart asks for the log from an offset on. The caller closes the body.
func (c *Clients) logPart(ctx context.Context, link *url.URL, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.String(), nil)
	if err != nil {
		return nil, errors.New("fetch log: bad link")
	}
	req.Header.Set("User-Agent", c.cfg.userAgent())
	req.Header.Set("Accept-Encoding", "identity") // sizes and offsets are those of the text
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	resp, err := c.plain.Do(req)
	if err != nil {
		var u *url.Error // its text holds the link
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("fetch log from %s: %w", link.Host, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		resp.Body.Close()
		return nil, fmt.Errorf("fetch log from %s: status %d", link.Host, resp.StatusCode)
	}
	return resp, nil
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

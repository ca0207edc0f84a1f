// Package statuspage reads the public status page of GitHub. It is asked when
// our own observations say that something is wrong there, to show what GitHub
// itself says of it, and decides nothing: on 2026-05-15 it was silent for the
// first half hour of an outage (velprove.com).
package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Limits of an answer.
const (
	Timeout  = 10 * time.Second
	MaxBytes = 1 << 20
	// maxList and maxText bound what is kept of a page, which is shown to people.
	maxList, maxText = 10, 200
)

// Summary is what the page says.
type Summary struct {
	Indicator   string   `json:"indicator"`           // none | minor | major | critical
	Description string   `json:"description"`         // "Partial System Outage"
	Degraded    []string `json:"degraded,omitempty"`  // components that are not operational: "Actions: major_outage"
	Incidents   []string `json:"incidents,omitempty"` // open ones: "Incident with Actions (investigating)"
}

// Reader reads one page. It is safe for concurrent use.
type Reader struct {
	url    string
	client *http.Client
}

// New makes a reader of a page in the format of Atlassian Statuspage
// (https://www.githubstatus.com/api#summary); it sends nothing. The URL is https, or http on
// loopback. Only public addresses are connected to, whatever the name resolves
// to, unless the URL itself names a loopback address; redirects stay on the host.
func New(page string) (*Reader, error) {
	u, err := url.Parse(page)
	switch {
	case err != nil:
		return nil, errors.New("status page: URL cannot be parsed")
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("status page %q: want https://HOST/PATH", u.Redacted())
	}
	local := isLoopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("status page %q: must be https", page)
	}
	dialer := &net.Dialer{Timeout: Timeout, Control: func(_, address string, _ syscall.RawConn) error { return allowed(address, local) }}
	return &Reader{url: page, client: &http.Client{
		Timeout: Timeout,
		// No proxy: it would connect for us, to wherever the name leads.
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 || req.URL.Host != u.Host || req.URL.Scheme != u.Scheme {
				return errors.New("redirect off the page's host")
			}
			return nil
		},
	}}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Read asks the page. Errors say that there was no usable answer within
// [Timeout] and [MaxBytes].
func (r *Reader) Read(ctx context.Context) (Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return Summary{}, fmt.Errorf("read status page: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return Summary{}, fmt.Errorf("read status page: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing can be lost of what was read
	if resp.StatusCode != http.StatusOK {
		// The reason phrase is the page's own text; the registered one says the same.
		return Summary{}, fmt.Errorf("read status page: it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBytes+1))
	if err != nil {
		return Summary{}, fmt.Errorf("read status page: %w", err)
	}
	if len(body) > MaxBytes {
		return Summary{}, fmt.Errorf("read status page: more than %d bytes", MaxBytes)
	}
	return Parse(body)
}

// named is a component or an incident of the page.
type named struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Parse reads a summary. Its text is somebody else's: control characters are
// removed, and everything is bounded.
func Parse(body []byte) (Summary, error) {
	var page struct {
		Status struct {
			Indicator   string `json:"indicator"`
			Description string `json:"description"`
		} `json:"status"`
		Components []named `json:"components"`
		Incidents  []named `json:"incidents"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return Summary{}, fmt.Errorf("read status page: %w", err)
	}
	if page.Status.Indicator == "" {
		return Summary{}, errors.New("read status page: no indicator in it")
	}
	s := Summary{Indicator: clean(page.Status.Indicator), Description: clean(page.Status.Description)}
	for _, c := range page.Components {
		if c.Status != "operational" && c.Status != "" && len(s.Degraded) < maxList {
			s.Degraded = append(s.Degraded, clean(c.Name+": "+c.Status))
		}
	}
	for _, i := range page.Incidents {
		if i.Status != "resolved" && i.Status != "postmortem" && len(s.Incidents) < maxList {
			s.Incidents = append(s.Incidents, clean(i.Name+" ("+i.Status+")"))
		}
	}
	return s, nil
}

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText-1]) + "…"
	}
	return strings.TrimSpace(s)
}

// String is the summary in a clause.
func (s Summary) String() string {
	text := s.Description
	if text == "" {
		text = s.Indicator
	}
	if len(s.Incidents) > 0 {
		text += ": " + strings.Join(s.Incidents, "; ")
	} else if len(s.Degraded) > 0 {
		text += ": " + strings.Join(s.Degraded, "; ")
	}
	return text
}

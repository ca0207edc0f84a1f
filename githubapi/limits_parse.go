package githubapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of a wait that a header asks for. The upper one is twice the longest
// window that GitHub documents (an hour): more is a wrong clock or a broken
// proxy, and must not park an installation for days.
const (
	minWait = time.Second
	maxWait = 2 * time.Hour
)

// parseLimit recognises a rate limit in an answer: 403 and 429, primary and
// secondary (docs.github.com, "Rate limits for the REST API"). A zero Until
// means that GitHub did not say.
func parseLimit(status int, h http.Header, body []byte, now time.Time) (LimitError, bool) {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return LimitError{}, false
	}
	until, named := retryAfter(h, now)
	exhausted := strings.TrimSpace(h.Get("X-RateLimit-Remaining")) == "0"
	said := saysSecondary(body)
	if status == http.StatusForbidden && !named && !exhausted && !said {
		return LimitError{}, false // a permission, a policy
	}
	e := LimitError{Until: until, Secondary: named || said || !exhausted, Resource: h.Get("X-RateLimit-Resource"), Status: status}
	if !named && exhausted {
		e.Until, _ = resetAt(h, now)
	}
	return e, true
}

// retryAfter reads Retry-After: seconds, or a date as HTTP allows.
func retryAfter(h http.Header, now time.Time) (time.Time, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return time.Time{}, false
	}
	if s, err := strconv.ParseInt(v, 10, 64); err == nil {
		if s < 0 {
			return time.Time{}, false
		}
		return now.Add(clampSeconds(s)), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return now.Add(clamp(t.Sub(serverTime(h, now)))), true
	}
	return time.Time{}, false
}

// resetAt reads X-RateLimit-Reset, Unix seconds on the server's clock. The
// distance to the answer's own Date counts, so that a wrong clock on this host
// neither hammers GitHub nor sleeps too long.
func resetAt(h http.Header, now time.Time) (time.Time, bool) {
	s, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-RateLimit-Reset")), 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}, false
	}
	return now.Add(clampSeconds(s - serverTime(h, now).Unix())), true
}

func serverTime(h http.Header, now time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return now
}

// clampSeconds clamps before it multiplies: a header can hold any int64.
func clampSeconds(s int64) time.Duration {
	return clamp(time.Duration(min(max(s, 0), int64(maxWait/time.Second))) * time.Second)
}

func clamp(d time.Duration) time.Duration { return min(max(d, minWait), maxWait) }

// saysSecondary looks for GitHub's wording, for answers without Retry-After.
func saysSecondary(body []byte) bool {
	var e struct {
		Message string `json:"message"`
		Docs    string `json:"documentation_url"`
	}
	if json.Unmarshal(body, &e) != nil {
		return false
	}
	message := strings.ToLower(e.Message)
	return strings.Contains(message, "secondary rate limit") || strings.Contains(message, "abuse detection") ||
		strings.Contains(e.Docs, "secondary-rate-limits") || strings.HasSuffix(e.Docs, "#abuse-rate-limits")
}

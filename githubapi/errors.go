package githubapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"
)

// LimitError says that GitHub wants to hear nothing from an installation for a
// while. Nothing waits inside a request: the job is put off until then.
type LimitError struct {
	Until        time.Time // between a second and two hours ahead when it was made
	Secondary    bool      // too fast or too much at once, not the hourly budget
	Resource     string    // GitHub's name of the budget: "core", "search" …
	Installation int64     // 0: the App's own budget
	Status       int       // of the answer that said so
	Local        bool      // refused here; nothing was sent
}

// Error implements error.
func (e *LimitError) Error() string {
	kind := "rate limit"
	if e.Secondary {
		kind = "secondary rate limit"
	}
	who := "the app"
	if e.Installation != 0 {
		who = fmt.Sprintf("installation %d", e.Installation)
	}
	return fmt.Sprintf("github %s of %s reached (%s), until %s", kind, who, e.Resource, e.Until.UTC().Format(time.RFC3339))
}

// UnavailableError says that GitHub has failed so often in a row that nothing
// is sent for a while.
type UnavailableError struct {
	Host  string // the API's URL
	Until time.Time
}

// Error implements error.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s keeps failing, nothing is sent until %s", e.Host, e.Until.UTC().Format(time.RFC3339))
}

// HostError is a redirect or link that leads a signed request off the API.
type HostError struct{ Host, Allowed string }

// Error implements error.
func (e *HostError) Error() string {
	return fmt.Sprintf("refused to send a token to %q, which is not the API %q", e.Host, e.Allowed)
}

// RedirectError is a write that GitHub answered with a redirect that would
// turn it into a read.
type RedirectError struct {
	Method, Path string
	Status       int
}

// Error implements error.
func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s %s was redirected (%d) in a way that would make it a GET; was the repository renamed?", e.Method, e.Path, e.Status)
}

// statusOf is the HTTP status that err reports, 0 when it reports none, with
// the answer's headers (nil without an answer).
func statusOf(err error) (int, http.Header, string) {
	var api *github.ErrorResponse
	if errors.As(err, &api) && api.Response != nil {
		return api.Response.StatusCode, api.Response.Header, api.Message
	}
	var mint *ghinstallation.HTTPError
	if errors.As(err, &mint) && mint.Response != nil {
		return mint.Response.StatusCode, mint.Response.Header, mint.Message
	}
	return 0, nil, ""
}

// IsNotFound reports a 404 of the API: gone, renamed away, or hidden from this
// installation. GitHub answers so for a moment after an event, too; who acts
// upon an event tries again before believing it.
func IsNotFound(err error) bool {
	status, _, _ := statusOf(err)
	return status == http.StatusNotFound && !IsDormant(err)
}

// IsDormant reports that the installation is suspended or removed: GitHub
// mints no token (403, 404) or says so.
func IsDormant(err error) bool {
	var mint *ghinstallation.HTTPError
	if errors.As(err, &mint) && mint.Response != nil {
		return mint.Response.StatusCode == http.StatusForbidden || mint.Response.StatusCode == http.StatusNotFound
	}
	status, _, message := statusOf(err)
	return status == http.StatusForbidden && strings.Contains(strings.ToLower(message), "installation has been suspended")
}

// IsAccepted reports that GitHub answered 202, which go-github calls an error:
// the wish is noted (cancel, redeliver) and counts as done.
func IsAccepted(err error) bool {
	var a *github.AcceptedError
	return errors.As(err, &a)
}

// MissingPermission is what GitHub says the request would have needed, as in
// "checks=write", or "" when err is no refusal for want of a permission.
// GitHub names it in the header X-Accepted-GitHub-Permissions.
func MissingPermission(err error) string {
	status, h, message := statusOf(err)
	if status != http.StatusForbidden && status != http.StatusNotFound {
		return ""
	}
	if status == http.StatusNotFound || !strings.Contains(message, "not accessible by integration") {
		return ""
	}
	if needed := h.Get("X-Accepted-GitHub-Permissions"); needed != "" {
		return needed
	}
	return "unknown"
}

package githubapi

import (
	"errors"
	"net/http"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"
)

// Effect is what is known about a request that changes something.
type Effect string

// The effects. Only NotSent and Refused may be repeated without looking.
const (
	Done    Effect = "done"     // GitHub confirmed it
	NotSent Effect = "not_sent" // it never left: no connection, no token, a limit known here
	Refused Effect = "refused"  // GitHub answered that it did not do it
	Unknown Effect = "unknown"  // it may have been done: ask GitHub before repeating it
)

// Outcome tells from a call's error whether the effect has happened. Whatever
// is not certain is Unknown: a 5xx or a reset can come after the work, and a
// 2xx whose body broke off does.
func Outcome(err error) Effect {
	switch {
	case err == nil, IsAccepted(err):
		return Done
	case isType[*unsentError](err, 0), isType[*UnavailableError](err, 0), isType[*HostError](err, 0), isType[*ghinstallation.HTTPError](err, 0):
		return NotSent
	case isType[*RedirectError](err, 0), isType[*github.RateLimitError](err, 0), isType[*github.AbuseRateLimitError](err, 0):
		return Refused
	}
	var limit *LimitError
	if errors.As(err, &limit) {
		if limit.Local {
			return NotSent
		}
		return Refused
	}
	// 408 is about a request that did not arrive whole, which a proxy may say
	// about one that did.
	if s, _, _ := statusOf(err); s >= 300 && s < 500 && s != http.StatusRequestTimeout {
		return Refused
	}
	return Unknown
}

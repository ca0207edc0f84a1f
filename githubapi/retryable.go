package githubapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/queue"
)

// rule is one row: which error, what to do, why.
type rule struct {
	is     func(err error, status int) bool
	action queue.Action
	why    string
}

// table is read from the top; the first row that fits decides. Limits and
// dormancy stand first, because they wear the status of a refusal.
var table = []rule{
	{isLimited, queue.SnoozeUntil, "GitHub names the end of the wait"},
	{is(IsAccepted), queue.Drop, "202 means that GitHub will do it"},
	{is(IsDormant), queue.Drop, "the installation is suspended or removed; it wakes by webhook"},
	{isCause(context.Canceled), queue.Retry, "the caller stopped"},
	{isType[*HostError], queue.GiveUp, "a token stays on the API's host"},
	{isType[*RedirectError], queue.GiveUp, "a write must not become a read"},
	{isCause(ErrTooLarge), queue.GiveUp, "it stays as large"},

	{status(http.StatusUnauthorized), queue.Retry, "a token can expire on the way, the next attempt gets a new one; a clock can be off"},
	{status(http.StatusForbidden), queue.GiveUp, "the App may not; only a person changes that"},
	{status(http.StatusNotFound), queue.GiveUp, "gone, renamed or not ours"},
	{status(http.StatusRequestTimeout), queue.Retry, "the request did not arrive whole"},
	{status(http.StatusConflict), queue.GiveUp, "the state there contradicts the request"},
	{status(http.StatusGone), queue.GiveUp, "gone for good"},
	{status(http.StatusUnprocessableEntity), queue.GiveUp, "the same request is as wrong the next time"},
	{status(http.StatusUnavailableForLegalReasons), queue.GiveUp, "blocked for legal reasons"},
	{func(_ error, s int) bool { return s >= 500 }, queue.Retry, "GitHub failed"},
	{func(_ error, s int) bool { return s >= 400 }, queue.GiveUp, "GitHub refused"},

	{isTimeout, queue.Retry, "no answer in time"},
	{isBroken, queue.Retry, "the answer broke off"},
	{isType[*net.OpError], queue.Retry, "no connection"},
	{isType[*net.DNSError], queue.Retry, "the name was not resolved"},
}

// Classify is the queue's table for errors that come from GitHub. What it does
// not know is retried: an unknown error is more often a passing one, and
// attempts are counted.
func Classify(clock clockwork.Clock) queue.Classify {
	return func(err error) queue.Verdict {
		s, h, _ := statusOf(err)
		for _, r := range table {
			if !r.is(err, s) {
				continue
			}
			v := queue.Verdict{Action: r.action, Reason: r.why}
			if needed := MissingPermission(err); needed != "" {
				v.Reason = "the App lacks a permission: " + needed
			}
			if v.Action == queue.SnoozeUntil {
				v.Until = limitedUntil(err, clock.Now())
			} else if until, ok := retryAfter(h, clock.Now()); ok && v.Action == queue.Retry && s >= 500 {
				v = queue.Verdict{Action: queue.SnoozeUntil, Until: until, Reason: "GitHub failed and says when to come back"}
			}
			return v
		}
		return queue.Verdict{Action: queue.Retry, Reason: "unknown error"}
	}
}

// LimitedUntil reports that err is a rate limit, ours or go-github's, or a
// GitHub that is down, and when to try again: at most two hours from when the
// answer came.
func LimitedUntil(err error) (time.Time, bool) {
	if !isLimited(err, 0) {
		return time.Time{}, false
	}
	return limitedUntil(err, clockwork.NewRealClock().Now()), true
}

func limitedUntil(err error, now time.Time) time.Time {
	var (
		own   *LimitError
		down  *UnavailableError
		rate  *github.RateLimitError
		abuse *github.AbuseRateLimitError
	)
	switch {
	case errors.As(err, &own):
		return own.Until
	case errors.As(err, &down):
		return down.Until
	case errors.As(err, &rate):
		return now.Add(clamp(rate.Rate.Reset.Sub(now)))
	case errors.As(err, &abuse) && abuse.RetryAfter != nil:
		return now.Add(clamp(*abuse.RetryAfter))
	}
	return now.Add(unnamedWait(1))
}

func isLimited(err error, status int) bool {
	return status == http.StatusTooManyRequests || isType[*LimitError](err, 0) || isType[*UnavailableError](err, 0) ||
		isType[*github.RateLimitError](err, 0) || isType[*github.AbuseRateLimitError](err, 0)
}

func isTimeout(err error, _ int) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

func isBroken(err error, _ int) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		isType[*json.SyntaxError](err, 0) || isType[*json.UnmarshalTypeError](err, 0)
}

func is(f func(error) bool) func(error, int) bool {
	return func(err error, _ int) bool { return f(err) }
}

func isCause(target error) func(error, int) bool {
	return func(err error, _ int) bool { return errors.Is(err, target) }
}

func isType[T error](err error, _ int) bool {
	var t T
	return errors.As(err, &t)
}

func status(want int) func(error, int) bool {
	return func(_ error, s int) bool { return s == want }
}

package githubapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/queue"
)

// The table, asked through a real client and a real server.
func TestVerdictOfAnswers(t *testing.T) {
	type headers map[string]string
	for name, tc := range map[string]struct {
		status  int
		headers headers
		body    string
		action  queue.Action
		effect  Effect
		reason  string        // part of it
		wait    time.Duration // with SnoozeUntil
	}{
		"202":                     {202, nil, `{}`, queue.Drop, Done, "202", 0},
		"400":                     {400, nil, `{}`, queue.GiveUp, Refused, "refused", 0},
		"401":                     {401, nil, `{"message":"Bad credentials"}`, queue.Retry, Refused, "token", 0},
		"403 permission":          {403, headers{"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"}, `{"message":"Resource not accessible by integration"}`, queue.GiveUp, Refused, "issues=write; pull_requests=write", 0},
		"403 permission unnamed":  {403, nil, `{"message":"Resource not accessible by integration"}`, queue.GiveUp, Refused, "unknown", 0},
		"403 other":               {403, nil, `{"message":"Repository access blocked"}`, queue.GiveUp, Refused, "may not", 0},
		"403 suspended":           {403, nil, `{"message":"This installation has been suspended"}`, queue.Drop, Refused, "suspended", 0},
		"403 limit":               {403, headers{"Retry-After": "60"}, `{}`, queue.SnoozeUntil, Refused, "wait", time.Minute},
		"404":                     {404, nil, `{"message":"Not Found"}`, queue.GiveUp, Refused, "gone", 0},
		"408":                     {408, nil, ``, queue.Retry, Unknown, "whole", 0},
		"409":                     {409, nil, `{}`, queue.GiveUp, Refused, "contradicts", 0},
		"410":                     {410, nil, `{}`, queue.GiveUp, Refused, "gone for good", 0},
		"422":                     {422, nil, `{"message":"Validation Failed","errors":[{"code":"custom","message":"x"}]}`, queue.GiveUp, Refused, "wrong", 0},
		"429":                     {429, nil, ``, queue.SnoozeUntil, Refused, "wait", time.Minute},
		"451":                     {451, nil, `{}`, queue.GiveUp, Refused, "legal", 0},
		"500":                     {500, nil, `<html>`, queue.Retry, Unknown, "failed", 0},
		"503 with retry-after":    {503, headers{"Retry-After": "120"}, ``, queue.SnoozeUntil, Unknown, "come back", 2 * time.Minute},
		"504":                     {504, nil, ``, queue.Retry, Unknown, "failed", 0},
		"200 with half an answer": {200, nil, `{"id":`, queue.Retry, Unknown, "broke off", 0},
		"200 with no JSON":        {200, nil, `<html>`, queue.Retry, Unknown, "broke off", 0},
		"200 of another shape":    {200, nil, `{"id":"x"}`, queue.Retry, Unknown, "broke off", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.mux.HandleFunc("POST "+commentPath, func(w http.ResponseWriter, r *http.Request) {
				for k, v := range tc.headers {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			})
			err := fmt.Errorf("do the work: %w", comment(f.client(5)))
			v := Classify(f.clock)(err)
			if v.Action != tc.action || !strings.Contains(v.Reason, tc.reason) {
				t.Errorf("%v: verdict %+v, want action %d, reason with %q", err, v, tc.action, tc.reason)
			}
			if want := f.clock.Now().Add(tc.wait); tc.action == queue.SnoozeUntil && !v.Until.Equal(want) {
				t.Errorf("until %s, want %s", v.Until, want)
			}
			if got := Outcome(err); got != tc.effect {
				t.Errorf("outcome %s, want %s", got, tc.effect)
			}
			if IsNotFound(err) != (tc.status == 404) || IsAccepted(err) != (tc.status == 202) || IsDormant(err) != strings.Contains(name, "suspended") {
				t.Errorf("not found %v, accepted %v, dormant %v", IsNotFound(err), IsAccepted(err), IsDormant(err))
			}
		})
	}
}

// What happens when no token is to be had.
func TestVerdictOfMinting(t *testing.T) {
	for status, want := range map[int]struct {
		action  queue.Action
		dormant bool
	}{
		401: {queue.Retry, false}, // our clock, or a new key on its way
		403: {queue.Drop, true},
		404: {queue.Drop, true},
		422: {queue.GiveUp, false},
		500: {queue.Retry, false},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var told []int64
			f := setup(t, func(c *Config) { c.OnDormant = func(id int64) { told = append(told, id) } })
			f.mint = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }
			err := comment(f.client(5))
			if v := Classify(f.clock)(err); v.Action != want.action || IsDormant(err) != want.dormant || Outcome(err) != NotSent {
				t.Errorf("%v: verdict %+v, dormant %v, outcome %s", err, v, IsDormant(err), Outcome(err))
			}
			if IsNotFound(err) {
				t.Error("an installation that is gone was taken for a thing that is not found")
			}
			if diff := cmp.Diff(map[bool][]int64{true: {5}}[want.dormant], told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if n := f.count("POST " + commentPath); n != 0 {
				t.Errorf("%d comments sent without a token", n)
			}
		})
	}
}

func TestVerdictOfErrors(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	for name, tc := range map[string]struct {
		err    error
		action queue.Action
		until  time.Time
		effect Effect
	}{
		"none":                     {nil, queue.Retry, time.Time{}, Done},
		"unknown":                  {errors.New("x"), queue.Retry, time.Time{}, Unknown},
		"cancelled":                {context.Canceled, queue.Retry, time.Time{}, Unknown},
		"deadline":                 {context.DeadlineExceeded, queue.Retry, time.Time{}, Unknown},
		"broken off":               {io.ErrUnexpectedEOF, queue.Retry, time.Time{}, Unknown},
		"bad JSON":                 {json.Unmarshal([]byte("{"), &struct{}{}), queue.Retry, time.Time{}, Unknown},
		"no such host":             {&net.DNSError{IsNotFound: true}, queue.Retry, time.Time{}, Unknown},
		"too large":                {fmt.Errorf("x: %w", ErrTooLarge), queue.GiveUp, time.Time{}, Unknown},
		"go-github, primary":       {&github.RateLimitError{Rate: github.Rate{Reset: github.Timestamp{Time: noon.Add(time.Hour)}}, Response: response(403)}, queue.SnoozeUntil, noon.Add(time.Hour), Refused},
		"go-github, in days":       {&github.RateLimitError{Rate: github.Rate{Reset: github.Timestamp{Time: noon.Add(99 * time.Hour)}}, Response: response(403)}, queue.SnoozeUntil, noon.Add(2 * time.Hour), Refused},
		"go-github, secondary":     {&github.AbuseRateLimitError{RetryAfter: ptr(30 * time.Second), Response: response(403)}, queue.SnoozeUntil, noon.Add(30 * time.Second), Refused},
		"go-github, unnamed":       {&github.AbuseRateLimitError{Response: response(403)}, queue.SnoozeUntil, noon.Add(time.Minute), Refused},
		"breaker":                  {&UnavailableError{Until: noon.Add(time.Second)}, queue.SnoozeUntil, noon.Add(time.Second), NotSent},
		"GitHub error, no answer":  {&github.ErrorResponse{}, queue.Retry, time.Time{}, Unknown},
		"host":                     {&HostError{}, queue.GiveUp, time.Time{}, NotSent},
		"redirect that loses data": {&RedirectError{}, queue.GiveUp, time.Time{}, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Outcome(tc.err); got != tc.effect {
				t.Errorf("outcome %s, want %s", got, tc.effect)
			}
			if tc.err == nil {
				return
			}
			v := Classify(clock)(tc.err)
			if v.Action != tc.action || !v.Until.Equal(tc.until) || v.Reason == "" {
				t.Errorf("verdict %+v, want %d until %s", v, tc.action, tc.until)
			}
			if _, limited := LimitedUntil(tc.err); limited != (tc.action == queue.SnoozeUntil) {
				t.Errorf("limited: %v", limited)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func response(status int) *http.Response {
	return &http.Response{StatusCode: status, Request: &http.Request{}}
}

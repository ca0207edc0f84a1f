package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/sony/gobreaker/v2"
)

// probeWait is how long those wait who come while the half-open breaker tries
// one request.
const probeWait = 5 * time.Second

// breaker stops asking a GitHub that is down, so that its whole outage does not
// use up the attempts of every job. There is one, because [guard] lets requests
// go to one host only.
type breaker struct {
	host  string
	cb    *gobreaker.TwoStepCircuitBreaker[struct{}]
	clock clockwork.Clock
	until atomic.Int64 // Unix ns; end of the open state
	meter *meter
	reach *reach
	heard func(ok bool)
	next  http.RoundTripper
}

var errServer = errors.New("server error")

func newBreaker(cfg Config, meter *meter, reach *reach, next http.RoundTripper) *breaker {
	b := &breaker{host: cfg.BaseURL, clock: cfg.Clock, meter: meter, reach: reach, heard: cfg.OnAnswer, next: next}
	if b.heard == nil {
		b.heard = func(bool) {}
	}
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout: cfg.BreakerOpen,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return int(c.ConsecutiveFailures) >= cfg.BreakerFailures
		},
		// A caller who gave up says nothing about GitHub.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.until.Store(b.clock.Now().Add(cfg.BreakerOpen).UnixNano())
			}
			meter.breaker(to != gobreaker.StateClosed)
		},
	})
	return b
}

func (b *breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	done, err := b.cb.Allow()
	if err != nil {
		closeBody(req)
		b.meter.refused("breaker")
		until := time.Unix(0, b.until.Load()).UTC()
		if now := b.clock.Now(); !until.After(now) {
			until = now.Add(probeWait)
		}
		return nil, &UnavailableError{Host: b.host, Until: until}
	}
	resp, err := b.next.RoundTrip(req)
	switch {
	case err != nil && errors.Is(req.Context().Err(), context.Canceled):
		// Its own error may be the cause that somebody gave for cancelling.
		done(context.Canceled)
	case err != nil:
		b.reach.note(b.clock.Now(), err)
		done(err)
		b.heard(false)
	case resp.StatusCode >= http.StatusInternalServerError:
		b.reach.note(b.clock.Now(), fmt.Errorf("%w: %s", errServer, resp.Status))
		done(errServer)
		b.heard(false)
	default:
		b.reach.note(b.clock.Now(), nil)
		done(nil)
		b.heard(true)
	}
	return resp, err
}

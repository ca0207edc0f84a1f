package githubapi

import (
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// limits remembers until when GitHub wants to hear nothing, per payer (an
// installation, or 0 for the App's own JWT) and resource. It outlives clients:
// go-github keeps such a memory too, but in each client, unbounded by any
// sense of how long a wait may be, and for status 403 only.
//
// github.com/gofri/go-github-ratelimit was tried for this and left out: its
// secondary limiter repeats requests, bodies included, and waits inside
// RoundTrip; WithNoSleep of v2.0.2 drops the option it makes; without sleeping
// it refuses nothing locally; it needs the header that GitHub may leave out.
type limits struct {
	clock clockwork.Clock
	meter *meter

	mu      sync.Mutex
	closed  map[limitKey]LimitError
	strikes map[int64]int // secondary limits in a row without a named end
}

type limitKey struct {
	payer    int64
	resource string // "" for a secondary limit, which covers all resources
}

func newLimits(clock clockwork.Clock, m *meter) *limits {
	return &limits{clock: clock, meter: m, closed: map[limitKey]LimitError{}, strikes: map[int64]int{}}
}

// refuse gives the limit in force, or nil. The maps hold limited payers only:
// an entry goes when it has ended and somebody asks, or with the next limit.
func (l *limits) refuse(payer int64, resource string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.closed) == 0 {
		return nil
	}
	now := l.clock.Now()
	for _, key := range []limitKey{{payer, ""}, {payer, resource}} {
		e, ok := l.closed[key]
		if !ok {
			continue
		}
		if e.Until.After(now) {
			e.Local = true
			return &e
		}
		delete(l.closed, key)
	}
	return nil
}

// limit records what an answer said, fills in the end of a wait that GitHub
// did not name, and returns the error for the caller.
func (l *limits) limit(payer int64, e LimitError) *LimitError {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	for key, old := range l.closed {
		if !old.Until.After(now) {
			delete(l.closed, key)
		}
	}
	e.Installation = payer
	if e.Until.IsZero() {
		l.strikes[payer]++
		e.Until = now.Add(unnamedWait(l.strikes[payer]))
	}
	key := limitKey{payer, e.Resource}
	if e.Secondary {
		key.resource = ""
	}
	if old, ok := l.closed[key]; ok && old.Until.After(e.Until) {
		e.Until = old.Until // several answers cross on the way; the longest wait wins
	}
	l.closed[key] = e
	return &e
}

// passed ends the growth of unnamed waits.
func (l *limits) passed(payer int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.strikes, payer)
}

// unnamedWait is 1, 2, 4 … minutes, at most an hour: "wait for at least one
// minute", then exponentially longer (docs.github.com, best practices for
// using the REST API).
func unnamedWait(strike int) time.Duration {
	return min(time.Minute<<min(max(strike, 1)-1, 6), time.Hour)
}

// resourceOf is the rate limit bucket of a request, under GitHub's names.
func resourceOf(prefix, path string) string {
	path = strings.TrimPrefix(path, strings.TrimSuffix(prefix, "/"))
	switch {
	case path == "/search/code":
		return "code_search"
	case strings.HasPrefix(path, "/search/"):
		return "search"
	case path == "/graphql":
		return "graphql"
	}
	return "core"
}

package githubapi

import (
	"fmt"
	"sync"
	"time"
)

// unreachableAfter failures in a row GitHub counts as away: one alone is every
// hour's business.
const unreachableAfter = 3

// reach remembers how the last requests went, whoever made them.
type reach struct {
	mu       sync.Mutex
	failures int
	since    time.Time
	err      error
}

func (r *reach) note(now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.failures, r.err = 0, nil
		return
	}
	if r.failures == 0 {
		r.since = now
	}
	r.failures++
	r.err = err
}

// Reachable is nil while GitHub answers; after three failures in a row (5xx,
// no connection, time-outs) it says since when and how, until the next answer.
func (c *Clients) Reachable() error {
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	if c.reach.failures < unreachableAfter {
		return nil
	}
	return fmt.Errorf("no answer since %s: %w", c.reach.since.UTC().Format(time.RFC3339), c.reach.err)
}

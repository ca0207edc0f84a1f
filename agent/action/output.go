package action

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"sync"
)

const (
	// minSecret is the shortest value, in bytes, that is looked for in the
	// output: replacing every "1" or "on" would hide the output, not a secret.
	minSecret = 4
	redacted  = "[redacted]"
)

// secrets lists the values that must not appear in an output, longest first:
// each value, and each line of one with several (a key in PEM form is often
// printed line by line). PATH is ours and no secret.
func secrets(env map[string]string) [][]byte {
	seen := map[string]bool{}
	for name, value := range env {
		if name == "PATH" && value == SearchPath {
			continue
		}
		for _, s := range append(strings.Split(value, "\n"), value) {
			if s = strings.TrimSpace(s); len(s) >= minSecret {
				seen[s] = true
			}
		}
	}
	all := make([][]byte, 0, len(seen))
	for s := range seen {
		all = append(all, []byte(s))
	}
	sort.Slice(all, func(i, k int) bool { return len(all[i]) > len(all[k]) })
	return all
}

// capture keeps the head and the tail of an output, without the secrets. It
// never blocks the writer and never holds more than its limit and one secret.
type capture struct {
	mu      sync.Mutex
	secrets [][]byte
	hold    []byte // may be the beginning of a secret
	head    []byte
	tail    []byte // a ring once it is full
	at      int    // where the ring begins
	half    int
	headCap int
	dropped int64
}

// newCapture keeps limit bytes, at least 2.
func newCapture(limit int, secrets [][]byte) *capture {
	limit = max(limit, 2)
	return &capture{secrets: secrets, half: limit / 2, headCap: limit - limit/2}
}

// Write implements [io.Writer]. It cannot fail.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = append(c.hold, p...)
	c.pass(false)
	return len(p), nil
}

// pass lets go of what cannot be part of a secret any more.
func (c *capture) pass(last bool) {
	for len(c.hold) > 0 {
		open := len(c.hold)
		if !last {
			open -= c.openEnd()
		}
		// A secret that is there whole waits when a longer one may begin no
		// later than it: cut out too early, the rest of that one would show.
		at, secret := c.find()
		if at < 0 || open <= at {
			c.keep(c.hold[:open])
			c.hold = append([]byte(nil), c.hold[open:]...)
			return
		}
		c.keep(c.hold[:at])
		c.keep([]byte(redacted))
		c.hold = c.hold[at+len(secret):]
	}
}

// find returns the first secret in hold, the longest of those that begin there.
func (c *capture) find() (int, []byte) {
	first, found := -1, []byte(nil)
	for _, s := range c.secrets {
		if i := bytes.Index(c.hold, s); i >= 0 && (first < 0 || i < first) {
			first, found = i, s
		}
	}
	return first, found
}

// openEnd is how many bytes at the end of hold may be the beginning of a secret.
func (c *capture) openEnd() int {
	longest := 0
	for _, s := range c.secrets {
		for n := min(len(s)-1, len(c.hold)); n > longest; n-- {
			if bytes.HasSuffix(c.hold, s[:n]) {
				longest = n
				break
			}
		}
	}
	return longest
}

func (c *capture) keep(p []byte) {
	if n := min(len(p), c.headCap-len(c.head)); n > 0 {
		c.head = append(c.head, p[:n]...)
		p = p[n:]
	}
	if over := len(p) - c.half; over > 0 { // only its end can survive
		c.dropped += int64(over + len(c.tail))
		c.tail, c.at = c.tail[:0], 0
		p = p[over:]
	}
	if n := min(len(p), c.half-len(c.tail)); n > 0 {
		c.tail = append(c.tail, p[:n]...)
		p = p[n:]
	}
	c.dropped += int64(len(p))
	for len(p) > 0 {
		n := copy(c.tail[c.at:], p)
		c.at = (c.at + n) % len(c.tail)
		p = p[n:]
	}
}

// close returns what was kept and how many bytes were not.
func (c *capture) close() ([]byte, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pass(true)
	out := append([]byte(nil), c.head...)
	if c.dropped > 0 {
		out = append(out, cutMark(c.dropped)...)
	}
	out = append(out, c.tail[c.at:]...)
	return append(out, c.tail[:c.at]...), c.dropped
}

func cutMark(dropped int64) string { return fmt.Sprintf("\n[%d bytes cut]\n", dropped) }

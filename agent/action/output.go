package action

import (
	"fmt"
	"sync"
)

// capture keeps the head and the tail of an output, without the secrets. It
// never blocks the writer and never holds more than its limit and one secret.
type capture struct {
	mu      sync.Mutex
	secrets needles
	hold    []byte // may be the beginning of a secret
	head    []byte
	tail    []byte // a ring once it is full
	at      int    // where the ring begins
	half    int
	headCap int
	dropped int64
}

// newCapture keeps limit bytes, at least 2. Each secret has at least minSecret
// bytes.
func newCapture(limit int, secrets [][]byte) *capture {
	limit = max(limit, 2)
	return &capture{secrets: index(secrets), half: limit / 2, headCap: limit - limit/2}
}

// Write implements [io.Writer]. It cannot fail.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = append(c.hold, p...)
	c.pass(false)
	return len(p), nil
}

// pass lets go of what cannot be part of a secret any more. A secret that is
// there whole waits when it may be the beginning of a longer one: cut out too
// early, the rest of that one would show.
func (c *capture) pass(last bool) {
	from, at := 0, 0
	for at < len(c.hold) {
		length, open := c.secrets.at(c.hold[at:])
		if open && !last {
			break
		}
		if length == 0 {
			at++
			continue
		}
		c.keep(c.hold[from:at])
		c.keep([]byte(redacted))
		at += length
		from = at
	}
	c.keep(c.hold[from:at])
	c.hold = append([]byte(nil), c.hold[at:]...)
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

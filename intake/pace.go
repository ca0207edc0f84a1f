package intake

import "time"

// deadliner is a connection whose reading can be bounded in time, as an
// http.ResponseController does it.
type deadliner interface {
	SetReadDeadline(time.Time) error
}

// pace is how fast a body must come. Without it a stranger keeps a body's place
// in memory for as long as ReadTimeout by sending a byte. Its time is that of
// the network's deadlines, not of an injected clock.
type pace struct {
	grace time.Duration // before anything must have come
	rate  int           // bytes per second after that
	total time.Duration // for all of it
}

// pacing is the pace of one body.
type pacing struct {
	pace
	conn    deadliner
	started time.Time
	paced   int // bytes when the deadline was set last
}

func (p pace) begin(conn deadliner) *pacing {
	now := time.Now() //nolint:forbidigo // deadlines of connections are on the real clock
	return &pacing{pace: p, conn: conn, started: now, paced: -1}
}

// expect bounds the wait for the byte after the first n. Within a second's
// worth of bytes the deadline stays, so a webhook costs one call. At the body's
// end net/http takes the deadline away, since it then watches the connection.
func (p *pacing) expect(n int) {
	if p.paced >= 0 && n-p.paced < p.rate {
		return
	}
	p.paced = n
	p.set(min(p.grace+time.Duration(n)*time.Second/time.Duration(p.rate), p.total))
}

// excuse leaves out a time in which we did not read.
func (p *pacing) excuse(d time.Duration) {
	p.started = p.started.Add(d)
	p.paced = -1
}

// set is best effort: a ResponseWriter that has no deadlines is not a network
// connection.
func (p *pacing) set(d time.Duration) { _ = p.conn.SetReadDeadline(p.started.Add(d)) }

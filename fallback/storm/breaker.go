package storm

import (
	"fmt"
	"slices"
	"time"
)

// State of a breaker.
type State string

// The states of a breaker.
const (
	Closed   State = "closed"    // everything passes
	Open     State = "open"      // nothing passes until Until
	HalfOpen State = "half_open" // one probe passes
)

// Outcome is one use of a dependency.
type Outcome struct {
	At time.Time `json:"at"`
	OK bool      `json:"ok"`
	// By names who made the experience. Several of one name count once where a
	// rule asks for different ones; "" is nobody in particular and counts each time.
	By string `json:"by,omitempty"`
	// Group is what several parties share, such as a repository.
	Group string `json:"group,omitempty"`
	// Probe is the probe whose outcome it is, 0 for nobody's.
	Probe int64 `json:"probe,omitempty"`
}

// Breaker is the state to be kept of a dependency. Its zero value is closed.
type Breaker struct {
	State State `json:"state"`
	// Since is when the state began. Outcomes from before say nothing about it.
	Since time.Time `json:"since,omitzero"`
	// Until: open, when a probe is let through. Half open, when the probe's time
	// is up and another one may go.
	Until time.Time `json:"until,omitzero"`
	// Trips counts the openings in a row; each one doubles the next pause.
	Trips int `json:"trips,omitempty"`
	// Probe is who is let through while half open, 0 when nobody is yet.
	Probe  int64     `json:"probe,omitempty"`
	Recent []Outcome `json:"recent,omitempty"` // since Since, oldest first
	// Doubts are the groups whose probes have failed since it was closed: that
	// they fail again may be their own trouble.
	Doubts []string `json:"doubts,omitempty"`
	// Unproven: closed because nothing speaks against it, and nothing for it.
	Unproven bool `json:"unproven,omitempty"`
}

// Rules say when a breaker changes. All fields are needed but Row, Share,
// Distinct, Groups, Early and Random.
type Rules struct {
	Row    int           // consecutive failures that open it; 0 never
	Share  float64       // or the share of failures, 0..1, 0 never …
	Of     int           // … among at least so many outcomes
	Window time.Duration // what is counted
	// Distinct is how many different parties the failures must come from.
	Distinct int
	// Groups is from how many different groups failures must come to open it
	// again while it is half open, unless a probe has failed whose group is not
	// in doubt, or two that are; up to 1: any.
	Groups   int
	Pause    time.Duration // first time open; doubles …
	MaxPause time.Duration // … up to this
	Probe    time.Duration // how long the probe has
	Close    int           // successes that close it while half open
	// Early is how many successes in a row end the pause before its time; 0 never.
	Early int
	// Random gives a number in [0, 1) for the jitter of a pause, ±10 %; nil none.
	Random func() float64
}

// jitter is the share by which a pause varies in each direction, so that many
// servers do not come back in step.
const jitter = 0.1

// ahead is by how much a state may begin in the future: whoever wrote it can
// have read the clock a moment later.
const ahead = time.Minute

// maxRecent bounds what is kept of a breaker.
const maxRecent = 64

// At gives the breaker as of now: a pause that is over has made it half open,
// a probe whose time is up has lost its place. A state that begins in the future
// was written by a clock that ran ahead: nobody knows what is left of its pause,
// and it is over.
func (r Rules) At(b Breaker, now time.Time) Breaker {
	if b.Since.After(now.Add(ahead)) {
		if b.Since = now; b.Until.After(now) {
			b.Until = now
		}
	}
	switch {
	case b.State == "":
		b.State = Closed
	case b.State == Open && !now.Before(b.Until):
		return Breaker{State: HalfOpen, Since: b.Until, Trips: b.Trips, Doubts: b.Doubts}
	case b.State == HalfOpen && b.Probe != 0 && !now.Before(b.Until):
		b.Probe, b.Until = 0, time.Time{}
	}
	return b
}

// Record draws the consequences of an outcome. One from before the present
// state changes nothing.
func (r Rules) Record(b Breaker, o Outcome, now time.Time) Breaker {
	b = r.At(b, now)
	if o.At.Before(b.Since) || o.At.Before(now.Add(-r.Window)) && b.State == Closed {
		return b
	}
	if b.State == Closed && o.OK && r.plenty(b.Recent, now) {
		return b
	}
	answer := b.State == HalfOpen && b.Probe != 0 && o.Probe == b.Probe
	if !answer {
		o.Probe = 0
	}
	b.Recent = append(slices.Clone(b.Recent), o)
	if len(b.Recent) > maxRecent {
		b.Recent = b.Recent[len(b.Recent)-maxRecent:]
	}
	switch b.State {
	case Closed:
		b.Recent = slices.DeleteFunc(b.Recent, func(o Outcome) bool { return o.At.Before(now.Add(-r.Window)) })
		if r.bad(b.Recent) {
			return r.Trip(b, now)
		}
	case Open:
		if r.Early > 0 && inRow(b.Recent, true) >= r.Early {
			return Breaker{State: HalfOpen, Since: now, Trips: b.Trips, Doubts: b.Doubts}
		}
	case HalfOpen:
		if !o.OK && r.stillBad(b) {
			if answer {
				b.Doubts = b.doubt(o.Group)
			}
			return r.Trip(b, now)
		}
		if !o.OK && !answer {
			return b
		}
		if o.OK && (inRow(b.Recent, true) >= r.Close || r.Quiet(b, now)) {
			return Breaker{State: Closed, Since: now, Trips: b.Trips}
		}
		// One probe has answered; the next may go.
		b.Probe, b.Until = 0, time.Time{}
	}
	return b
}

// plenty says that one more success would tell nothing: as long as nothing
// fails, a few of them are enough to weigh the first failures against, and
// each one kept is a write.
func (r Rules) plenty(recent []Outcome, now time.Time) bool {
	fresh := 0
	for _, o := range recent {
		if !o.OK {
			return false
		}
		if o.At.After(now.Add(-r.Window / 2)) {
			fresh++
		}
	}
	return fresh >= r.Of
}

func (r Rules) bad(list []Outcome) bool {
	failures := failed(list)
	if different(failures) < r.Distinct {
		return false
	}
	return r.Row > 0 && row(list, false) >= r.Row || r.Share > 0 && len(list) >= r.Of && float64(len(failures)) >= r.Share*float64(len(list))
}

// maxDoubts bounds what is kept of groups.
const maxDoubts = 16

// stillBad says that what failed while half open is not one group's own trouble.
func (r Rules) stillBad(b Breaker) bool {
	groups, probes := map[string]bool{}, 0
	for i, o := range failed(b.Recent) {
		if o.Probe != 0 {
			probes++
			if !slices.Contains(b.Doubts, o.Group) {
				return true
			}
		}
		if o.Group == "" {
			o.Group = fmt.Sprintf("#%d", i) // nobody in particular
		}
		groups[o.Group] = true
	}
	return len(groups) >= r.Groups || probes > 1
}

func (b Breaker) doubt(group string) []string {
	if group == "" || slices.Contains(b.Doubts, group) {
		return b.Doubts
	}
	list := append(slices.Clone(b.Doubts), group)
	return list[max(len(list)-maxDoubts, 0):]
}

// Quiet says that a half-open breaker has nothing against it any more: nobody
// tries, and nothing has failed for the longest pause. Where only one party is
// left, or none, there are no successes of different ones to wait for.
func (r Rules) Quiet(b Breaker, now time.Time) bool {
	b = r.At(b, now)
	if b.State != HalfOpen || b.Probe != 0 {
		return false
	}
	since := b.Since
	for _, o := range failed(b.Recent) {
		if o.At.After(since) {
			since = o.At
		}
	}
	return now.Sub(since) >= r.MaxPause
}

// Forget closes a breaker that is [Rules.Quiet].
func (r Rules) Forget(b Breaker, now time.Time) Breaker {
	if !r.Quiet(b, now) {
		return b
	}
	return Breaker{State: Closed, Since: now, Trips: b.Trips, Unproven: row(b.Recent, true) == 0}
}

// Heal closes the breaker on better evidence than its own counts.
func (r Rules) Heal(b Breaker, now time.Time) Breaker {
	return Breaker{State: Closed, Since: now, Trips: b.Trips}
}

// Trip opens the breaker, whatever its own counts say.
func (r Rules) Trip(b Breaker, now time.Time) Breaker {
	trips := b.Trips
	if b.State == Closed && now.Sub(b.Since) > r.MaxPause {
		trips = 0 // it was well for long: this is another trouble
	}
	pause := r.MaxPause
	if trips < 30 { // beyond, the shift would overflow
		pause = min(r.Pause<<trips, r.MaxPause)
	}
	if r.Random != nil {
		pause += time.Duration(float64(pause) * jitter * (2*r.Random() - 1))
	}
	return Breaker{State: Open, Since: now, Until: now.Add(pause), Trips: trips + 1, Doubts: b.Doubts}
}

// Limit opens the breaker until a moment that the dependency has named itself.
// It is no failure: the pauses do not grow by it, and a later end stands.
func (r Rules) Limit(b Breaker, until, now time.Time) Breaker {
	b = r.At(b, now)
	if !until.After(now) || b.State == Open && !until.After(b.Until) {
		return b
	}
	return Breaker{State: Open, Since: now, Until: until, Trips: b.Trips, Doubts: b.Doubts}
}

// Admits says whether who may use the dependency as of now.
func (r Rules) Admits(b Breaker, who int64, now time.Time) bool {
	b = r.At(b, now)
	return b.State == Closed || b.State == HalfOpen && (b.Probe == 0 || b.Probe == who)
}

// Take makes who the probe when the breaker is half open. ok is false when it
// may not go.
func (r Rules) Take(b Breaker, who int64, now time.Time) (_ Breaker, ok bool) {
	if !r.Admits(b, who, now) {
		return b, false
	}
	b = r.At(b, now)
	if b.State == HalfOpen && b.Probe == 0 {
		b.Probe, b.Until = who, now.Add(r.Probe)
	}
	return b, true
}

package stall

import "time"

// Level is how sure it is that an attempt is stuck.
type Level int

// The levels.
const (
	Fine      Level = iota // nothing to see
	Waiting                // for a person, or for its turn in its concurrency group
	Suspected              // longer than is usual
	Stuck                  // longer than anything that is usual
	Unseen                 // GitHub does not show its jobs; [Judge] never says so
)

// Verdict about an attempt.
type Verdict struct {
	Level Level
	// Running is true of an attempt that has begun, of which the next step is
	// missed; otherwise its first one is.
	Running bool
	Next    time.Time     // when to look again, unless something is heard of it before
	Age     time.Duration // since its start, or since its last step moved
	Limit   time.Duration // that Age is compared with
}

// recheck is how often what waits is looked at: an approval sends no event of
// the run.
const recheck = time.Hour

// Judge says where an attempt stands that has not ended. One that waits for an
// approval ("waiting"), for up to 30 days, or behind another run of its
// concurrency group ("pending") does what people have told it to, and is never
// stuck: the run before it is judged by itself, and starting the work anew
// would put it behind the same one.
func Judge(s Sight, l Limits, now time.Time) Verdict {
	if s.Steps > 0 {
		return running(s, l, now)
	}
	v := Verdict{Age: now.Sub(s.Since), Limit: l.Queued}
	switch {
	case waits(s.Status):
		v.Level, v.Next = Waiting, now.Add(recheck)
	case v.Age < l.Soft():
		v.Next = s.Since.Add(l.Soft())
	case v.Age < l.Queued:
		v.Level, v.Next = Suspected, s.Since.Add(l.Queued)
	default:
		v.Level = Stuck
	}
	return v
}

// running: between two jobs a run can wait for an approval as well, and what it
// has waited for a person is no part of its age.
func running(s Sight, l Limits, now time.Time) Verdict {
	if s.Since.After(s.Moved) {
		s.Began, s.Moved = s.Since, s.Since
	}
	v := Verdict{Running: true, Age: now.Sub(s.Moved), Limit: l.Running}
	switch {
	case waits(s.Status):
		v.Level, v.Next = Waiting, now.Add(recheck)
	case v.Age < l.Running:
		v.Next = s.Moved.Add(l.Running)
	case now.Sub(s.Began) < l.Duration:
		v.Level, v.Next = Suspected, s.Began.Add(l.Duration)
	default:
		v.Level = Stuck
	}
	return v
}

func waits(status string) bool { return status == "waiting" || status == "pending" }

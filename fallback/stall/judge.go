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

// recheck is how often what waits for people is looked at: an approval sends
// no event of the run.
const recheck = time.Hour

// Judge says where an attempt stands that has not ended. An attempt that waits
// for an approval waits for a person's decision, for up to 30 days, and is
// never stuck. The first look at what is stuck comes when the limit is reached
// exactly.
func Judge(s Sight, l Limits, now time.Time) Verdict {
	if s.Steps > 0 {
		return running(s, l, now)
	}
	v := Verdict{Age: now.Sub(s.Since), Limit: l.Queued}
	switch {
	case s.Status == "waiting":
		v.Level, v.Next = Waiting, now.Add(recheck)
	case s.Status == "pending" && v.Age < l.Pending:
		v.Level, v.Limit, v.Next = Waiting, l.Pending, earlier(now.Add(recheck), s.Since.Add(l.Pending))
	case s.Status == "pending":
		v.Level, v.Limit = Stuck, l.Pending
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
	case s.Status == "waiting":
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

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

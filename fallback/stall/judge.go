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
	Unseen                 // GitHub does not show its jobs, and has not for long
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
// approval ("waiting"), for up to 30 days, does what people have told it to, and
// is never stuck. So does one behind another run of its concurrency group
// ("pending"), as long as there is one: the run before it is judged by itself,
// and starting the work anew would put it behind the same one.
func Judge(s Sight, l Limits, now time.Time) Verdict {
	switch {
	case waits(s.Status):
		return waiting(s, l, now)
	case !s.Unseen.IsZero():
		return unseen(s, l, now)
	case s.Steps > 0:
		return running(s, l, now)
	}
	v := Verdict{Age: now.Sub(s.Since), Limit: l.Queued}
	switch {
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
	case v.Age < l.Running:
		v.Next = s.Moved.Add(l.Running)
	case now.Sub(s.Began) < l.Duration:
		v.Level, v.Next = Suspected, s.Began.Add(l.Duration)
	default:
		v.Level = Stuck
	}
	return v
}

// unseen: what GitHub does not show is at work as long as it can be.
func unseen(s Sight, l Limits, now time.Time) Verdict {
	v := Verdict{Level: Unseen, Age: now.Sub(s.Unseen), Limit: l.Unseen}
	if v.Age >= l.Unseen {
		v.Level = Stuck
		return v
	}
	v.Next = s.Unseen.Add(l.Unseen)
	return v
}

// waiting: the queue of a concurrency group moves on by itself only while a run
// is in front that can end.
func waiting(s Sight, l Limits, now time.Time) Verdict {
	v := Verdict{Level: Waiting, Running: s.Steps > 0, Next: now.Add(recheck), Age: now.Sub(s.waitsSince()), Limit: l.Queued}
	switch {
	case s.Status != pending:
	case v.Age < l.Queued:
		if due := s.waitsSince().Add(l.Queued); due.Before(v.Next) {
			v.Next = due
		}
	case s.Alone:
		v.Level, v.Next = Stuck, time.Time{}
	case s.Front && v.Age >= l.Behind:
		v.Level, v.Limit = Suspected, l.Behind
	}
	return v
}

// Doubtful says whether a run has waited for its concurrency group for so long
// that it is worth asking who is in front of it.
func (s Sight) Doubtful(l Limits, now time.Time) bool {
	return s.Status == pending && now.Sub(s.waitsSince()) >= l.Queued
}

func (s Sight) waitsSince() time.Time {
	if s.Moved.After(s.Since) {
		return s.Moved
	}
	return s.Since
}

const pending = "pending"

func waits(status string) bool { return status == "waiting" || status == pending }

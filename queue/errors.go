package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErrNotDead is returned by Retry for a job that is no dead letter.
var ErrNotDead = errors.New("job is not a dead letter")

// SnoozeError puts a job off until a moment, without counting the attempt.
type SnoozeError struct {
	Until time.Time
	Cause error // may be nil
}

// Error implements error.
func (e *SnoozeError) Error() string {
	if e.Cause == nil {
		return "snoozed until " + e.Until.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("snoozed until %s: %v", e.Until.UTC().Format(time.RFC3339), e.Cause)
}

// Unwrap gives the cause.
func (e *SnoozeError) Unwrap() error { return e.Cause }

// Snooze puts the job off until then, because of cause (which may be nil).
func Snooze(until time.Time, cause error) error { return &SnoozeError{Until: until, Cause: cause} }

// PermanentError is an error that no repetition mends.
type PermanentError struct{ Err error }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the error itself.
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent makes the job a dead letter at once.
func Permanent(err error) error { return &PermanentError{Err: err} }

// Verdict is what to do about a failed attempt.
type Verdict struct {
	Action Action
	Until  time.Time // with SnoozeUntil
	Reason string    // one clause for the log, why this verdict
}

// Action is the kind of a verdict.
type Action int

// The actions of a verdict.
const (
	Retry       Action = iota // again after Backoff, counted
	SnoozeUntil               // again at Until, not counted
	GiveUp                    // dead letter
	Drop                      // finished: the work has become pointless
)

// Classify turns an error into a verdict. It sees neither nil, nor
// [SnoozeError], nor [PermanentError]: the queue handles those.
type Classify func(err error) Verdict

// A process that dies takes all the jobs that run with it, the innocent ones
// too. So a job is ready again at once after the first deaths; after more it
// comes back with [Backoff], which pulls the suspects apart until the culprit
// dies alone; and in the end it is a dead letter, because otherwise one
// poisonous job would keep the App from ever working.
const (
	CrashPatience = 2  // deaths in a row after which a job is ready at once
	MaxCrashes    = 10 // deaths in a row that make it a dead letter
)

// Back-off between attempts.
const (
	backoffBase = 2 * time.Second
	backoffCap  = 30 * time.Minute
)

// Backoff is the pause after the attempt-th failure (1 is the first), with
// full jitter: uniform in [0, min(cap, base·2^(attempt-1))). Full jitter
// spreads a herd that failed together better than any other form (AWS
// architecture blog, "Exponential Backoff And Jitter").
func Backoff(attempt int) time.Duration {
	ceiling := backoffCap
	if attempt < 1 {
		attempt = 1
	}
	if shift := attempt - 1; shift < 20 && backoffBase<<shift < backoffCap {
		ceiling = backoffBase << shift
	}
	return rand.N(ceiling) //nolint:gosec // jitter, not a secret
}

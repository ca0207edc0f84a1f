package failure

import "time"

// The pause before a repetition.
const (
	BackoffBase = 30 * time.Second
	BackoffCap  = 30 * time.Minute
)

// Backoff is the longest pause before repetition n, counted from 0: twice as
// long each time, from [BackoffBase] to [BackoffCap]. The pause is drawn evenly
// from nothing to it ("full jitter"), which spreads out what failed together
// better than any fixed part would: Brooker, Exponential Backoff And Jitter,
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func Backoff(n int) time.Duration {
	if n < 0 {
		return 0
	}
	return min(BackoffBase<<min(n, 16), BackoffCap)
}

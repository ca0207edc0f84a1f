package fallback

import "context"

// tickSubject is a tick of the schedule that no run has answered.
type tickSubject struct{ runSubject }

var _ subject = tickSubject{}

var _ context.Context

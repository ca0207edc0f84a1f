package fallback

import "context"

// pushSubject is a push that has started no run.
type pushSubject struct{ runSubject }

var _ subject = pushSubject{}

var _ context.Context

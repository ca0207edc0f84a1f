package fallback

import "context"

// stallSubject is a run that waits or hangs.
type stallSubject struct{ runSubject }

var _ subject = stallSubject{}

var _ context.Context

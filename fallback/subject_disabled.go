package fallback

import "context"

// disabledSubject is a workflow that GitHub has switched off.
type disabledSubject struct{ runSubject }

var _ subject = disabledSubject{}

var _ context.Context

package fallback

import "context"

// cooldownGate holds what was recovered a moment ago and failed the same way again.
func cooldownGate(context.Context, *Engine, *scope, step) (*hold, error) { return nil, nil }

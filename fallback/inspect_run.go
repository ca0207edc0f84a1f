package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
)

// Inspect is the worker of queue.InspectRun.
func (e *Engine) Inspect(_ context.Context, job queue.Job) error {
	_, err := arguments[queue.InspectRun](job)
	return err
}

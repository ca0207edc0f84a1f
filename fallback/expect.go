package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
)

// Expect is the worker of queue.ExpectRun.
func (e *Engine) Expect(_ context.Context, job queue.Job) error {
	_, err := arguments[queue.ExpectRun](job)
	return err
}

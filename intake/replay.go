package intake

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Replay makes a stored delivery run again, as if it had just come. The error
// wraps [store.ErrNoDelivery] when it is not stored (any more). A delivery that
// is not handled yet is not handled twice for it.
func Replay(ctx context.Context, s *store.Store, q queue.Enqueuer, guid string) error {
	err := s.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := store.ReopenDelivery(ctx, tx, guid); err != nil {
			return err
		}
		return q.Enqueue(ctx, tx, queue.Item{
			Args:    queue.ProcessDelivery{GUID: guid},
			Options: queue.Options{Unique: "replay:" + guid},
		})
	})
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

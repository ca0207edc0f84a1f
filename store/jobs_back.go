package store

import (
	"context"
	"fmt"
)

// SetJobsBack draws the RunAt of pending jobs back that was set later than
// through, which is at or after now: by a clock that ran ahead. Each keeps its
// distance to the moment at which it was set. It returns how many there were.
func (tx *Tx) SetJobsBack(ctx context.Context, now, through Millis) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE jobs SET run_at = min(run_at, max(run_at - (set_at - ?), ?)), set_at = ?
		WHERE state IN ('available', 'waiting') AND set_at > ?`, now, now, now, through)
	if err != nil {
		return 0, fmt.Errorf("set jobs back: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("set jobs back: %w", err)
	}
	return n, nil
}

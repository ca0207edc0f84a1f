package store

import (
	"context"
	"fmt"
)

// A delivery is "direct" while the process that received it is going to handle
// it from memory, without a job. What ends that without its being handled has
// to give it a job.

// Undirect ends that deliveries are direct; the caller enqueues their jobs in
// the same transaction.
func (tx *Tx) Undirect(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET direct = 0 WHERE id IN (SELECT value FROM json_each(?))`, jsonList(ids))
	if err != nil {
		return fmt.Errorf("give deliveries to the queue: %w", err)
	}
	return nil
}

// Orphans lists the deliveries that a process which has ended was going to
// handle itself, oldest first.
func (s *Store) Orphans(ctx context.Context) ([]Delivery, error) {
	var list []Delivery
	err := s.read.NewSelect().Model(&list).Column("id", "guid").Where("processed_at = 0 AND direct = 1").Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list deliveries that nobody handles: %w", err)
	}
	return list, nil
}

// ReopenDelivery makes a delivery pending again, so that retention leaves it
// alone until it was handled once more. The caller enqueues its job.
// [ErrNoDelivery] when it is not there.
func ReopenDelivery(ctx context.Context, tx *Tx, guid string) error {
	res, err := tx.NewUpdate().Table("deliveries").Set("processed_at = 0, direct = 0, error = ''").Where("guid = ?", guid).Exec(ctx)
	if err != nil {
		return fmt.Errorf("reopen delivery %q: %w", guid, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("reopen delivery %q: %w", guid, err)
	} else if n == 0 {
		return fmt.Errorf("reopen delivery %q: %w", guid, ErrNoDelivery)
	}
	return nil
}

package store

import (
	"context"
	"fmt"
)

// PrunePage is what one call of [PruneDeliveries] looked at and did.
type PrunePage struct {
	Deleted int
	After   int64 // id to go on behind
	Done    bool  // nothing older is left behind After
}

// PruneDeliveries deletes processed deliveries that were received before the
// cutoff, looking at no more than limit rows with ids above after. Ids grow
// with the time of receipt, so the first row that is young enough ends it;
// rows that are not processed stay, however old.
func PruneDeliveries(ctx context.Context, tx *Tx, cutoff Millis, after int64, limit int) (PrunePage, error) {
	var rows []Delivery
	err := tx.NewSelect().Model(&rows).Column("id", "received_at", "processed_at").
		Where("id > ?", after).Order("id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return PrunePage{}, fmt.Errorf("prune deliveries: %w", err)
	}
	page := PrunePage{After: after, Done: len(rows) < limit}
	var old []int64
	for _, d := range rows {
		if d.ReceivedAt >= cutoff {
			page.Done = true
			break
		}
		page.After = d.ID
		if d.ProcessedAt != 0 {
			old = append(old, d.ID)
		}
	}
	if len(old) == 0 {
		return page, nil
	}
	for _, id := range old {
		if _, err := tx.NewDelete().Model((*Delivery)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return PrunePage{}, fmt.Errorf("prune deliveries: %w", err)
		}
	}
	page.Deleted = len(old)
	return page, nil
}

// FreePages counts the pages of the file and those of them that hold nothing.
func (s *Store) FreePages(ctx context.Context) (free, all int, err error) {
	if err := s.read.NewRaw("PRAGMA freelist_count").Scan(ctx, &free); err != nil {
		return 0, 0, fmt.Errorf("count free pages: %w", err)
	}
	if err := s.read.NewRaw("PRAGMA page_count").Scan(ctx, &all); err != nil {
		return 0, 0, fmt.Errorf("count pages: %w", err)
	}
	return free, all, nil
}

// ReleasePages gives up to n free pages (of 4 KiB) back to the file system.
// The file shrinks at the next checkpoint.
func ReleasePages(ctx context.Context, tx *Tx, n int) error {
	// The pragma frees one page a step and must be stepped to its end, which
	// only reading its (empty) rows does with every driver.
	rows, err := tx.Tx.Tx.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n))
	if err != nil {
		return fmt.Errorf("release pages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("release pages: %w", err)
	}
	return nil
}

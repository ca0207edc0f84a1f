package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Redelivery is a delivery that failed on GitHub's side and that we want.
type Redelivery struct {
	bun.BaseModel `bun:"table:redeliveries"`

	GUID        string `bun:",pk"`
	DeliveryID  int64  // of its newest attempt
	Event       string
	DeliveredAt Millis // of the oldest attempt seen
	Requests    int    // times asked for
	NextAt      Millis // ask not before
	ArrivedAt   Millis // 0 until it came
}

// AddRedeliveries remembers deliveries to ask for. One that is known keeps its
// count and its pause and takes the newer attempt's id; one that is stored in
// the inbox already is left out.
func AddRedeliveries(ctx context.Context, tx *Tx, list []Redelivery) error {
	for _, r := range list {
		_, err := tx.NewRaw(`INSERT INTO redeliveries (guid, delivery_id, event, delivered_at, next_at)
			SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE guid = ?)
			ON CONFLICT (guid) DO UPDATE SET delivery_id = excluded.delivery_id`,
			r.GUID, r.DeliveryID, r.Event, r.DeliveredAt, r.NextAt, r.GUID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("add redelivery %q: %w", r.GUID, err)
		}
	}
	return nil
}

// DueRedeliveries lists what to ask for now, oldest first.
func (s *Store) DueRedeliveries(ctx context.Context, now time.Time, maxRequests, limit int) ([]Redelivery, error) {
	var list []Redelivery
	err := s.read.NewSelect().Model(&list).
		Where("arrived_at = 0 AND requests < ? AND next_at <= ?", maxRequests, MillisOf(now)).
		Where("guid NOT IN (SELECT guid FROM deliveries WHERE guid = redelivery.guid)").
		Order("delivered_at", "guid").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list due redeliveries: %w", err)
	}
	return list, nil
}

// CountRequest records that a delivery is about to be asked for, and when it
// may be asked for again.
func CountRequest(ctx context.Context, tx *Tx, guid string, next time.Time) error {
	_, err := tx.NewUpdate().Table("redeliveries").Set("requests = requests + 1, next_at = ?", MillisOf(next)).
		Where("guid = ?", guid).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count redelivery %q: %w", guid, err)
	}
	return nil
}

// MarkArrivals marks the deliveries that were asked for and have come since
// the last call, and counts them.
func MarkArrivals(ctx context.Context, tx *Tx, now time.Time) (int, error) {
	res, err := tx.NewRaw(`UPDATE redeliveries SET arrived_at = ?
		WHERE arrived_at = 0 AND requests > 0 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.guid = redeliveries.guid)`,
		MillisOf(now)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("mark arrivals: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// PruneRedeliveries forgets what GitHub has forgotten as well.
func PruneRedeliveries(ctx context.Context, tx *Tx, before time.Time) error {
	_, err := tx.NewDelete().Model((*Redelivery)(nil)).Where("delivered_at < ?", MillisOf(before)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("prune redeliveries: %w", err)
	}
	return nil
}

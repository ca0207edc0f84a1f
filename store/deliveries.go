package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ErrNoDelivery reports a GUID that is not stored: it never came, or it was
// removed when it grew older than the retention.
var ErrNoDelivery = errors.New("delivery is not stored: it never arrived, or was removed by retention")

// Delivery is a stored webhook without its body.
type Delivery struct {
	bun.BaseModel `bun:"table:deliveries"`

	ID             int64
	GUID           string
	Event          string
	Action         string
	InstallationID int64
	Repository     string // owner/name; "" when the payload names none
	ReceivedAt     Millis
	ProcessedAt    Millis // 0 while pending
	Error          string // of the last handling; "" once it succeeded
	Size           int64  // of the body in bytes, uncompressed
}

// StoredBody is a delivery with its body as it was given to Insert.
type StoredBody struct {
	Delivery `bun:",extend"`
	Body     []byte
}

// DeliveryState selects deliveries in a listing.
type DeliveryState string

// The states of a delivery in a listing.
const (
	AnyDelivery     DeliveryState = ""
	PendingDelivery DeliveryState = "pending" // not handled yet, failed or not
	FailedDelivery  DeliveryState = "failed"  // the last handling failed
)

// MaxDeliveries is the most that one listing returns.
const MaxDeliveries = 500

// DeliveryFilter narrows a listing. The zero value lists the newest.
type DeliveryFilter struct {
	State  DeliveryState
	Event  string // "" for any
	Limit  int    // 1 to MaxDeliveries; anything else means MaxDeliveries
	Before int64  // only ids below, the cursor of the next page; 0 starts at the newest
}

// Deliveries lists deliveries, newest first. The cursor of the next page is
// the id of the last one. An unknown state is an error.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	limit := f.Limit
	if limit < 1 || limit > MaxDeliveries {
		limit = MaxDeliveries
	}
	q := s.read.NewSelect().Model((*Delivery)(nil)).Order("id DESC").Limit(int64(limit))
	switch f.State {
	case AnyDelivery:
	case PendingDelivery:
		q = q.Where("processed_at = 0")
	case FailedDelivery:
		q = q.Where("error <> ''")
	default:
		return nil, fmt.Errorf("list deliveries: unknown state %q, want pending or failed", f.State)
	}
	if f.Event != "" {
		q = q.Where("event = ?", f.Event)
	}
	if f.Before > 0 {
		q = q.Where("id < ?", f.Before)
	}
	list := []Delivery{}
	if err := q.Scan(ctx, &list); err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return list, nil
}

// Delivery reads one delivery. [ErrNoDelivery] when it is not there.
func (s *Store) Delivery(ctx context.Context, guid string) (Delivery, error) {
	var d Delivery
	err := s.read.NewSelect().Model(&d).Where("guid = ?", guid).Scan(ctx)
	return d, deliveryError(guid, err)
}

// DeliveryBody reads one delivery with its body. [ErrNoDelivery] when it is
// not there.
func (s *Store) DeliveryBody(ctx context.Context, guid string) (StoredBody, error) {
	var d StoredBody
	err := s.read.NewSelect().Model(&d).Where("guid = ?", guid).Scan(ctx)
	return d, deliveryError(guid, err)
}

func deliveryError(guid string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("read delivery %q: %w", guid, ErrNoDelivery)
	default:
		return fmt.Errorf("read delivery %q: %w", guid, err)
	}
}

// PendingDeliveries counts the deliveries that are not handled and says when
// the oldest of them came (zero when there is none).
func (s *Store) PendingDeliveries(ctx context.Context) (count int, oldest time.Time, err error) {
	var at Millis
	err = s.read.NewRaw(`SELECT COUNT(*),
		COALESCE((SELECT received_at FROM deliveries WHERE processed_at = 0 ORDER BY id LIMIT 1), 0)
		FROM deliveries WHERE processed_at = 0`).Scan(ctx, &count, &at)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count pending deliveries: %w", err)
	}
	return count, at.Time(), nil
}

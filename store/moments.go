package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SetMoment remembers a moment under a name.
func SetMoment(ctx context.Context, tx *Tx, name string, at time.Time) error {
	_, err := tx.NewRaw(`INSERT INTO moments (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at`,
		name, MillisOf(at)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember %s: %w", name, err)
	}
	return nil
}

// Moment recalls a moment; the zero time when it was never set.
func (s *Store) Moment(ctx context.Context, name string) (time.Time, error) {
	var at Millis
	err := s.read.NewRaw(`SELECT at FROM moments WHERE name = ?`, name).Scan(ctx, &at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("recall %s: %w", name, err)
	}
	return at.Time(), nil
}

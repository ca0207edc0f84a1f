package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// AppSlug is the slug under which GitHub last knew the App, "" when it was
// never heard.
func (s *Store) AppSlug(ctx context.Context, appID int64) (slug string, err error) {
	err = s.read.NewRaw(`SELECT slug FROM apps WHERE id = ?`, appID).Scan(ctx, &slug)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read slug of app: %w", err)
	}
	return slug, nil
}

// SaveAppSlug remembers the App's slug.
func (tx *Tx) SaveAppSlug(ctx context.Context, appID int64, slug string) error {
	_, err := tx.NewRaw(`INSERT INTO apps (id, slug) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET slug = excluded.slug`, appID, slug).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save slug of app: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// InstallationState says whether the App may act for an installation.
type InstallationState string

// The states of an installation. The last two are dormant: GitHub gives no
// token, nothing is tried until it says otherwise.
const (
	InstallationActive    InstallationState = "active"
	InstallationSuspended InstallationState = "suspended"
	InstallationDeleted   InstallationState = "deleted"
)

// Installation is an account that has installed the App.
type Installation struct {
	bun.BaseModel `bun:"table:installations"`

	ID          int64             `bun:"id,pk"`
	Account     string            `bun:"account"`      // login
	AccountType string            `bun:"account_type"` // "User" or "Organization"
	Selection   string            `bun:"selection"`    // "all" or "selected" repositories
	State       InstallationState `bun:"state"`
	Permissions string            `bun:"permissions"` // JSON object, name to access
	UpdatedAt   Millis            `bun:"updated_at"`
}

// Installation returns one installation; ok is false when it was never seen.
func (s *Store) Installation(ctx context.Context, id int64) (i Installation, ok bool, err error) {
	return findInstallation(ctx, s.read, id)
}

// Installations lists all, deleted ones too, by id.
func (s *Store) Installations(ctx context.Context) ([]Installation, error) {
	var all []Installation
	if err := s.read.NewSelect().Model(&all).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read installations: %w", err)
	}
	return all, nil
}

// InstallationCounts counts installations by state. States without any are absent.
func (s *Store) InstallationCounts(ctx context.Context) (map[InstallationState]int, error) {
	var rows []struct {
		State InstallationState
		N     int
	}
	err := s.read.NewSelect().Model((*Installation)(nil)).Column("state").ColumnExpr("count(*) AS n").Group("state").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count installations: %w", err)
	}
	counts := make(map[InstallationState]int, len(rows))
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// SaveInstallation writes what GitHub says now. It returns what was known
// before; ok is false when that was nothing.
func SaveInstallation(ctx context.Context, tx *Tx, i Installation) (before Installation, ok bool, err error) {
	if before, ok, err = findInstallation(ctx, tx, i.ID); err != nil {
		return before, ok, err
	}
	_, err = tx.NewInsert().Model(&i).On("CONFLICT (id) DO UPDATE").
		Set("account = EXCLUDED.account").Set("account_type = EXCLUDED.account_type").
		Set("selection = EXCLUDED.selection").Set("state = EXCLUDED.state").
		Set("permissions = EXCLUDED.permissions").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return before, ok, fmt.Errorf("save installation: %w", err)
	}
	return before, ok, nil
}

// SetInstallationState changes the state alone; changed is false when it was
// so before, or the installation is unknown. Repositories of a deleted
// installation are marked as removed.
func SetInstallationState(ctx context.Context, tx *Tx, id int64, state InstallationState, now Millis) (changed bool, err error) {
	res, err := tx.NewUpdate().Model((*Installation)(nil)).Set("state = ?", state).Set("updated_at = ?", now).
		Where("id = ?", id).Where("state <> ?", state).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("set state of installation: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("set state of installation: %w", err)
	}
	if state == InstallationDeleted {
		_, err = tx.NewUpdate().Model((*Repository)(nil)).Set("removed = ?", true).Where("installation_id = ?", id).Exec(ctx)
		if err != nil {
			return false, fmt.Errorf("remove repositories of installation: %w", err)
		}
	}
	return n > 0, nil
}

func findInstallation(ctx context.Context, db bun.IDB, id int64) (i Installation, ok bool, err error) {
	err = db.NewSelect().Model(&i).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Installation{}, false, nil
	}
	if err != nil {
		return Installation{}, false, fmt.Errorf("read installation %d: %w", id, err)
	}
	return i, true, nil
}

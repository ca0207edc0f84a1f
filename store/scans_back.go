package store

import (
	"context"
	"fmt"
)

// ScanBounds are the latest moments that an honest clock can have written into
// a scan, and what takes the place of later ones.
type ScanBounds struct {
	Now, Ahead  Millis // Ahead is the latest that may be past by its nature
	Next        Millis // of NextAt
	NextRefused Millis // … after a refusal
	Doubt       Millis // of DoubtUntil
	Reread      Millis // ReadThrough of one that is later than Ahead
}

// SetScansBack draws back what a clock that ran ahead has written into the scans
// of an installation; those whose list it has read, or put off, are due now. It
// returns how many there were.
func (tx *Tx) SetScansBack(ctx context.Context, installationID int64, b ScanBounds) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE scans SET next_at = min(next_at, ?), scanned_at = min(scanned_at, ?), asked_at = min(asked_at, ?),
		doubt_until = min(doubt_until, ?), read_through = iif(read_through > ?, ?, min(read_through, ?))
		WHERE `+scanAhead, append([]any{b.Now, b.Now, b.Now, b.Doubt, b.Ahead, b.Reread, b.Now}, b.ahead(installationID)...)...)
	if err != nil {
		return 0, fmt.Errorf("set scans back: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("set scans back: %w", err)
	}
	return n, nil
}

// ScansAhead says whether SetScansBack has something to do.
func (s *Store) ScansAhead(ctx context.Context, installationID int64, b ScanBounds) (ahead bool, err error) {
	err = s.read.NewRaw(`SELECT EXISTS (SELECT 1 FROM scans WHERE `+scanAhead+`)`, b.ahead(installationID)...).Scan(ctx, &ahead)
	if err != nil {
		return false, fmt.Errorf("find scans that are ahead: %w", err)
	}
	return ahead, nil
}

const scanAhead = `repo_id IN (SELECT id FROM repositories WHERE installation_id = ?)
	AND (max(read_through, scanned_at, asked_at) > ? OR next_at > iif(failures = 0, ?, ?) OR doubt_until > ?)`

// ahead are the arguments of scanAhead.
func (b ScanBounds) ahead(installationID int64) []any {
	return []any{installationID, b.Ahead, b.Next, b.NextRefused, b.Doubt}
}

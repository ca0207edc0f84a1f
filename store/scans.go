package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// MomentMissed is the moment at which a scan last found a run that a webhook
// should have told of; see [Store.Moment].
const MomentMissed = "webhook missed"

// Scan is how far a repository's list of runs was compared with the record.
type Scan struct {
	bun.BaseModel `bun:"table:scans"`

	RepoID      int64  `bun:",pk"`
	ETag        string `bun:"etag"` // of the list's first page; "" read it in full
	Reach       Millis // created_at of the oldest run on that page
	ReadThrough Millis // runs created before are accounted for
	ScannedAt   Millis // 0 never
	NextAt      Millis
	DoubtUntil  Millis // until when webhooks are not relied on
	AskedAt     Millis // when runs that no list tells of were last asked for
	FailedETag  string `bun:"failed_etag"` // of the list of failed runs; "" read it
	Failures    int    // scans in a row that were refused
}

// ScanTarget is a repository with watched workflows, and its scan.
type ScanTarget struct {
	Repository
	Scan
}

// ScanBudget is what the scans of an installation have spent of its hourly limit.
type ScanBudget struct {
	bun.BaseModel `bun:"table:scan_budgets"`

	InstallationID int64  `bun:",pk"`
	HourAt         Millis // begin of the hour that is counted
	Spent          int    // answers in it that counted against the limit
	Hourly         int    // GitHub's limit as last seen; 0 unknown
}

// scannable restricts to repositories that have something to scan.
const scannable = `NOT r.removed AND NOT r.archived AND EXISTS (SELECT 1 FROM watches w WHERE w.repo_id = r.id)`

// DueScans lists repositories of an installation whose runs are to be listed
// now, those first that wait longest.
func (s *Store) DueScans(ctx context.Context, installationID int64, now Millis, limit int) ([]ScanTarget, error) {
	var repos []Repository
	err := s.read.NewRaw(`SELECT r.* FROM repositories r LEFT JOIN scans s ON s.repo_id = r.id
		WHERE r.installation_id = ? AND `+scannable+` AND coalesce(s.next_at, 0) <= ?
		ORDER BY coalesce(s.scanned_at, 0), r.id LIMIT ?`, installationID, now, limit).Scan(ctx, &repos)
	if err != nil {
		return nil, fmt.Errorf("list due scans: %w", err)
	}
	targets := make([]ScanTarget, 0, len(repos))
	for _, r := range repos {
		scan, ok, err := ReadScan(ctx, s.read, r.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			scan.RepoID = r.ID
		}
		targets = append(targets, ScanTarget{Repository: r, Scan: scan})
	}
	return targets, nil
}

// NextScan counts the repositories of an installation that are scanned and
// says when the first of them is due; count 0 when none is.
func (s *Store) NextScan(ctx context.Context, installationID int64) (count int, next Millis, err error) {
	err = s.read.NewRaw(`SELECT count(*), coalesce(min(coalesce(s.next_at, 0)), 0)
		FROM repositories r LEFT JOIN scans s ON s.repo_id = r.id WHERE r.installation_id = ? AND `+scannable,
		installationID).Scan(ctx, &count, &next)
	if err != nil {
		return 0, 0, fmt.Errorf("find next scan: %w", err)
	}
	return count, next, nil
}

// ReadScan reads one; ok is false when the repository was never scanned.
func ReadScan(ctx context.Context, db bun.IDB, repoID int64) (scan Scan, ok bool, err error) {
	err = db.NewSelect().Model(&scan).Where("repo_id = ?", repoID).Scan(ctx)
	return found(scan, err, "read scan")
}

// SaveScan writes a scan, new or not.
func (tx *Tx) SaveScan(ctx context.Context, scan *Scan) error {
	_, err := tx.NewInsert().Model(scan).On("CONFLICT (repo_id) DO UPDATE").
		Set("etag = EXCLUDED.etag, reach = EXCLUDED.reach, read_through = EXCLUDED.read_through").
		Set("scanned_at = EXCLUDED.scanned_at, next_at = EXCLUDED.next_at, doubt_until = EXCLUDED.doubt_until").
		Set("asked_at = EXCLUDED.asked_at, failures = EXCLUDED.failures, failed_etag = EXCLUDED.failed_etag").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write scan of repository %d: %w", scan.RepoID, err)
	}
	return nil
}

// DoubtScans makes repositories due at next at the latest, and doubtful until a
// moment; no ids mean all. One without a row is due anyway.
func (tx *Tx) DoubtScans(ctx context.Context, repoIDs []int64, until, next Millis) error {
	q := tx.NewUpdate().Model((*Scan)(nil)).Set("doubt_until = max(doubt_until, ?)", until).Set("next_at = min(next_at, ?)", next)
	if len(repoIDs) == 0 {
		q = q.Where("TRUE")
	} else {
		q = q.Where("repo_id IN (?)", bun.List(repoIDs))
	}
	if _, err := q.Exec(ctx); err != nil {
		return fmt.Errorf("doubt scans: %w", err)
	}
	return nil
}

// ScanInstallations are the active installations with something to scan; of
// the given repositories, when there are any.
func ScanInstallations(ctx context.Context, db bun.IDB, repoIDs []int64) (ids []int64, err error) {
	q := db.NewSelect().TableExpr("repositories AS r").ColumnExpr("DISTINCT r.installation_id").
		Where(scannable).Where("r.installation_id IN (SELECT id FROM installations WHERE state = ?)", InstallationActive)
	if len(repoIDs) > 0 {
		q = q.Where("r.id IN (?)", bun.List(repoIDs))
	}
	if err := q.OrderExpr("1").Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("list installations to scan: %w", err)
	}
	return ids, nil
}

// ReadScanBudget reads what an installation's scans have spent; the zero value
// with the id when nothing was.
func ReadScanBudget(ctx context.Context, db bun.IDB, installationID int64) (ScanBudget, error) {
	var b ScanBudget
	err := db.NewSelect().Model(&b).Where("installation_id = ?", installationID).Scan(ctx)
	b, _, err = found(b, err, "read scan budget")
	b.InstallationID = installationID
	return b, err
}

// SaveScanBudget writes it.
func (tx *Tx) SaveScanBudget(ctx context.Context, b *ScanBudget) error {
	_, err := tx.NewInsert().Model(b).On("CONFLICT (installation_id) DO UPDATE").
		Set("hour_at = EXCLUDED.hour_at, spent = EXCLUDED.spent, hourly = EXCLUDED.hourly").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write scan budget: %w", err)
	}
	return nil
}

// ScanCounts says how the comparison with GitHub's lists stands.
type ScanCounts struct {
	Repositories int    // with watched workflows
	Doubtful     int    // whose webhooks are not relied on at the moment
	Oldest       Millis // the scan that is longest ago; 0 while one was never scanned
	Unread       int    // watched workflows whose past was not read yet
}

// CountScans counts over all active installations.
func (s *Store) CountScans(ctx context.Context, now Millis) (c ScanCounts, err error) {
	err = s.read.NewRaw(`SELECT count(*), coalesce(sum(coalesce(s.doubt_until, 0) > ?), 0), coalesce(min(coalesce(s.scanned_at, 0)), 0),
		(SELECT count(*) FROM watches w JOIN repositories r ON r.id = w.repo_id
			WHERE w.history_at = 0 AND NOT r.removed AND NOT r.archived
			AND r.installation_id IN (SELECT id FROM installations WHERE state = ?))
		FROM repositories r LEFT JOIN scans s ON s.repo_id = r.id
		WHERE r.installation_id IN (SELECT id FROM installations WHERE state = ?) AND `+scannable,
		now, InstallationActive, InstallationActive).Scan(ctx, &c.Repositories, &c.Doubtful, &c.Oldest, &c.Unread)
	if err != nil {
		return c, fmt.Errorf("count scans: %w", err)
	}
	return c, nil
}

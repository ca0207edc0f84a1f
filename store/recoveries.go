package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// RecoverRequest is the answer that a person's request for recovery got.
type RecoverRequest struct {
	bun.BaseModel `bun:"table:recover_requests"`

	RequestKey string `bun:",pk"`
	IncidentID int64
	Accepted   bool
	Message    string
	At         Millis
}

// ReadRecoverRequest reads an earlier answer; ok is false when there was none.
func ReadRecoverRequest(ctx context.Context, db bun.IDB, key string) (r RecoverRequest, ok bool, err error) {
	err = db.NewSelect().Model(&r).Where("request_key = ?", key).Scan(ctx)
	return found(r, err, "read request")
}

// AddRecoverRequest remembers an answer.
func (tx *Tx) AddRecoverRequest(ctx context.Context, r RecoverRequest) error {
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

// How long the engine's rows are kept.
const (
	// KeepIncidents is as long as GitHub keeps Check Runs.
	KeepIncidents = 400 * 24 * time.Hour
	keepRuns      = 90 * 24 * time.Hour
	// KeepSparse is how long the newest [SparseRuns] runs of each event of a
	// workflow are kept beyond that: a weekly schedule has 13 in 90 days, a
	// monthly one 3. GitHub keeps runs no longer either.
	KeepSparse = 400 * 24 * time.Hour
	SparseRuns = 20
	// keepClaims exceeds the 48 h of a tombstone: a primary can be 12 h late,
	// and a re-run of it is possible for 30 days. The claim of an incident is
	// kept as long as that: its epochs must go on growing.
	keepClaims   = 31 * 24 * time.Hour
	keepRequests = 30 * 24 * time.Hour
)

// PruneEngine removes what is too old to matter: settled incidents with their
// steps and timeline, runs, tombstones and answers. Open incidents stay, and
// the claims of all that do.
func (tx *Tx) PruneEngine(ctx context.Context, now time.Time) error {
	const nobodys = " AND NOT EXISTS (SELECT 1 FROM incidents AS i WHERE i.occurrence_key = claims.key)"
	for _, p := range []struct {
		query string
		age   time.Duration
	}{
		{"DELETE FROM incidents WHERE settled_at <> 0 AND settled_at < ?", KeepIncidents},
		{"DELETE FROM workflow_runs WHERE observed_at < ?", KeepSparse},
		{`DELETE FROM workflow_runs WHERE observed_at < ? AND EXISTS (SELECT 1 FROM workflow_runs AS n
			WHERE n.repo_id = workflow_runs.repo_id AND n.workflow_path = workflow_runs.workflow_path
			AND n.event = workflow_runs.event AND n.created_at > workflow_runs.created_at
			ORDER BY n.created_at LIMIT 1 OFFSET ` + strconv.Itoa(SparseRuns-1) + `)`, keepRuns},
		{"DELETE FROM claims WHERE updated_at < ? AND state IN ('free', 'done')" + nobodys, keepClaims},
		// What was never settled: nobody can act on it any more.
		{"DELETE FROM claims WHERE updated_at < ? AND state IN ('held', 'in_doubt')" + nobodys, KeepIncidents},
		{"DELETE FROM claim_refusals WHERE at < ?", keepRuns},
		{"DELETE FROM pauses WHERE (ended_at <> 0 OR until_at <> 0) AND max(ended_at, until_at) < ?", KeepIncidents},
		{"DELETE FROM recover_requests WHERE at < ?", keepRequests},
	} {
		if _, err := tx.NewRaw(p.query, MillisOf(now.Add(-p.age))).Exec(ctx); err != nil {
			return fmt.Errorf("prune engine: %w", err)
		}
	}
	return nil
}

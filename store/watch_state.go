package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// SetWorkflowState keeps what GitHub said of a watched workflow's state. One
// that is switched on again begins anew: its ticks until then were nobody's.
// on is when that was, 0 unknown: from when on it was last seen off. A workflow
// that is not watched is left out.
func (tx *Tx) SetWorkflowState(ctx context.Context, repoID int64, path, state string, now, on Millis) error {
	_, err := tx.NewUpdate().Model((*Watch)(nil)).
		Set("watched_since = CASE WHEN workflow_state LIKE 'disabled%' AND ? NOT LIKE 'disabled%' THEN max(watched_since, state_at, ?) ELSE watched_since END", state, on).
		Set("workflow_state = ?", state).Set("state_at = ?", now).
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write state of %s: %w", path, err)
	}
	return nil
}

// StateIncident is the newest incident of a workflow that has the signal and is
// in one of the states; ok is false when there is none.
func StateIncident(ctx context.Context, db bun.IDB, repoID int64, path, signal string, states []string) (inc Incident, ok bool, err error) {
	err = db.NewSelect().Model(&inc).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("signal = ?", signal).
		Where("state IN (?)", bun.List(states)).OrderExpr("id DESC").Limit(1).Scan(ctx)
	return found(inc, err, "read incident about a state")
}

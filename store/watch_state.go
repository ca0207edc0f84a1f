package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// SetWorkflowState keeps what GitHub said of a watched workflow's state. One
// that is switched on again begins anew: its ticks until now were nobody's.
// A workflow that is not watched is left out.
func (tx *Tx) SetWorkflowState(ctx context.Context, repoID int64, path, state string, now Millis) error {
	_, err := tx.NewUpdate().Model((*Watch)(nil)).
		Set("watched_since = CASE WHEN workflow_state LIKE 'disabled%' AND ? NOT LIKE 'disabled%' THEN ? ELSE watched_since END", state, now).
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

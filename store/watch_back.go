package store

import (
	"context"
	"fmt"
)

// WatchesAhead are the watches in which a moment stands that is later than
// through: a clock that ran ahead has written them.
func WatchesAhead(ctx context.Context, tx *Tx, through Millis) ([]Watch, error) {
	var list []Watch
	err := tx.NewSelect().Model(&list).Where("max(settled_through, learned_at, state_at, watched_since) > ?", through).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list watches that are ahead: %w", err)
	}
	return list, nil
}

// ForgetTicksAhead removes what was written about ticks of a workflow later than
// through, by a clock that ran ahead, unless an incident looks after them. It
// returns the first of them; 0 when there was none.
func (tx *Tx) ForgetTicksAhead(ctx context.Context, repoID int64, path string, through Millis) (first Millis, err error) {
	const those = `repo_id = ? AND workflow_path = ? AND at > ? AND incident_id = 0`
	err = tx.NewRaw(`SELECT coalesce(min(tick_at), 0) FROM ticks WHERE `+those, repoID, path, through).Scan(ctx, &first)
	if err == nil {
		_, err = tx.NewDelete().Model((*Tick)(nil)).Where(those, repoID, path, through).Exec(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("forget ticks of %s: %w", path, err)
	}
	return first, nil
}

// SetWatchBack writes the moments of a watch that was ahead.
func (tx *Tx) SetWatchBack(ctx context.Context, w *Watch) error {
	_, err := tx.NewUpdate().Model(w).WherePK().
		Column("settled_through", "due_at", "learned_at", "state_at", "watched_since", "crons_since").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write watch of %s: %w", w.WorkflowPath, err)
	}
	return nil
}

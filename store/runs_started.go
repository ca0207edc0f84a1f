package store

import (
	"context"
	"fmt"
	"slices"
)

// RunsStartedBy are the runs of an event in a repository that a login has
// started and that were created at or after since, each in the first attempt of
// that login's that is known, the oldest first.
func (s *Store) RunsStartedBy(ctx context.Context, repoID int64, event, login string, since Millis) (list []WorkflowRun, err error) {
	err = s.read.NewSelect().Model(&list).Where("repo_id = ?", repoID).Where("event = ?", event).
		Where("lower(actor) = lower(?)", login).Where("created_at >= ?", since).OrderExpr("created_at, run_id, attempt").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read runs started by %s: %w", login, err)
	}
	return slices.CompactFunc(list, func(a, b WorkflowRun) bool { return a.RunID == b.RunID }), nil
}

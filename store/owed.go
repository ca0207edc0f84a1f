package store

import (
	"context"
	"fmt"
)

// Account notes that the consequences of a run's end are drawn, with tx.
func (tx *Tx) Account(ctx context.Context, repoID, runID int64) error {
	_, err := tx.NewUpdate().Model((*WorkflowRun)(nil)).Set("accounted = TRUE").
		Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("status = 'completed'").Where("NOT accounted").Exec(ctx)
	if err != nil {
		return fmt.Errorf("account for run %d: %w", runID, err)
	}
	return nil
}

// OwedRuns are runs of watched workflows on the default branch (see
// [Repository.OfDefault]) whose end since a moment is on record while its
// consequences were not drawn: whoever was to draw them has given up. Of those
// that ended before stale only a workflow's newest result counts, and so of
// good ones. At most limit, at random: who asks for some of them each time asks
// for all in the end.
func (s *Store) OwedRuns(ctx context.Context, at Repository, since, stale Millis, limit int) (ids []int64, err error) {
	const results = `('success', 'failure', 'timed_out', 'startup_failure')`
	err = s.read.NewRaw(`SELECT r.run_id FROM workflow_runs r
		JOIN watches w ON w.repo_id = r.repo_id AND w.workflow_path = r.workflow_path AND r.updated_at >= w.watched_since
		WHERE r.repo_id = ? AND r.status = 'completed' AND NOT r.accounted
		AND (r.head_branch = ? OR r.head_branch = ? AND r.created_at < ?) AND r.event NOT LIKE 'pull_request%' AND r.conclusion IN `+results+` AND r.updated_at >= ?
		AND NOT EXISTS (SELECT 1 FROM workflow_runs n WHERE n.repo_id = r.repo_id AND n.run_id = r.run_id AND n.attempt > r.attempt)
		AND (r.conclusion <> 'success' AND r.updated_at >= ? OR NOT EXISTS (
			SELECT 1 FROM workflow_runs n WHERE n.repo_id = r.repo_id AND n.workflow_path = r.workflow_path
			AND (n.created_at, n.run_id) > (r.created_at, r.run_id) AND n.status = 'completed'
			AND n.head_branch = r.head_branch AND n.event NOT LIKE 'pull_request%' AND n.conclusion IN `+results+`))
		ORDER BY random() LIMIT ?`, at.ID, at.DefaultBranch, at.FormerBranch, at.BranchSince, since, stale, limit).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("list runs to account for: %w", err)
	}
	return ids, nil
}

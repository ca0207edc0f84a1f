package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// ends are the conclusions that say whether a workflow works. The others are
// somebody's decision.
const (
	endsWell  = "conclusion = 'success'"
	endsBadly = "conclusion IN ('failure', 'timed_out', 'startup_failure')"
	ends      = "(" + endsWell + " OR " + endsBadly + ")"
)

// RecoveredAlike is the newest other incident of the workflow with the same
// signature whose recovery was proven before the given moment; ok is
// false when there is none. Only incidents of the given signals count.
func RecoveredAlike(ctx context.Context, db bun.IDB, inc *Incident, signals []string, before Millis) (prev Incident, ok bool, err error) {
	err = db.NewSelect().Model(&prev).Where("repo_id = ?", inc.RepoID).Where("workflow_path = ?", inc.WorkflowPath).
		Where("id <> ?", inc.ID).Where("signature = ?", inc.Signature).Where("signature <> ''").Where("state = 'recovered'").
		Where("signal IN (?)", bun.List(signals)).Where("settled_at BETWEEN 1 AND ?", before-1).
		OrderExpr("settled_at DESC, id DESC").Limit(1).Scan(ctx)
	return found(prev, err, "read recovered incident")
}

// CommitEnds says on how many of the newest commits, at most limit, of a branch
// the workflow has ended since a moment, and on how many of these both well and
// badly: in several runs, or in attempts of one.
func CommitEnds(ctx context.Context, db bun.IDB, repoID int64, path, branch string, since Millis, limit int) (both, commits int, err error) {
	newest := db.NewSelect().Model((*WorkflowRun)(nil)).
		ColumnExpr("max(CASE WHEN "+endsWell+" THEN 1 ELSE 0 END) AS well, max(CASE WHEN "+endsBadly+" THEN 1 ELSE 0 END) AS badly").
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("head_branch = ?", branch).
		Where("created_at >= ?", since).Where("event NOT LIKE 'pull_request%'").Where(ends).
		GroupExpr("head_sha").OrderExpr("max(created_at) DESC").Limit(int64(limit))
	err = db.NewSelect().TableExpr("(?) AS c", newest).ColumnExpr("coalesce(sum(well * badly), 0), count(*)").Scan(ctx, &both, &commits)
	if err != nil {
		return 0, 0, fmt.Errorf("read ends of %s: %w", path, err)
	}
	return both, commits, nil
}

// Results are how the newest runs of a workflow on a branch ended, at most
// limit, oldest first: true is success. Each run counts once, with its first
// known end, and none that a step of ours has started: they are to tell what
// the workflow does by itself.
func Results(ctx context.Context, db bun.IDB, repoID int64, path, branch string, limit int) ([]bool, error) {
	var results []bool
	err := db.NewSelect().Model((*WorkflowRun)(nil)).ColumnExpr(endsWell).
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("head_branch = ?", branch).
		Where("event NOT LIKE 'pull_request%'").Where(ends).
		Where("NOT EXISTS (SELECT 1 FROM workflow_runs AS w WHERE w.repo_id = workflow_run.repo_id AND w.run_id = workflow_run.run_id AND w.attempt < workflow_run.attempt AND w."+endsWell+
			" OR w.repo_id = workflow_run.repo_id AND w.run_id = workflow_run.run_id AND w.attempt < workflow_run.attempt AND w."+endsBadly+")").
		Where("NOT EXISTS (SELECT 1 FROM children AS c WHERE c.repo_id = workflow_run.repo_id AND c.run_id = workflow_run.run_id AND c.attempt = workflow_run.attempt)").
		OrderExpr("created_at DESC, run_id DESC").Limit(int64(limit)).Scan(ctx, &results)
	if err != nil {
		return nil, fmt.Errorf("read results of %s: %w", path, err)
	}
	slices.Reverse(results)
	return results, nil
}

// SetFlapping remembers whether a watched workflow is flapping.
func (tx *Tx) SetFlapping(ctx context.Context, repoID int64, path string, flapping bool) error {
	_, err := tx.NewUpdate().Model((*Watch)(nil)).Set("flapping = ?", flapping).
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write watch of %s: %w", path, err)
	}
	return nil
}

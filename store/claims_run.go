package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// StepThatStarted is the try that started a run, whichever attempt of it; ok is
// false when none did. Re-runs of a run that was there before do not count.
func StepThatStarted(ctx context.Context, db bun.IDB, repoID, runID int64) (st Step, ok bool, err error) {
	err = db.NewSelect().Model(&st).Where("kind <> 'rerun'").
		Where("id IN (SELECT step_id FROM children WHERE repo_id = ? AND run_id = ?)", repoID, runID).OrderExpr("id").Limit(1).Scan(ctx)
	return found(st, err, "read step that started run")
}

// KeyAskedFor is the claim that a run holds or was refused before, "" when
// there is none.
func KeyAskedFor(ctx context.Context, db bun.IDB, repoID, runID int64) (string, error) {
	var c Claim
	err := db.NewSelect().Model(&c).Where("owner >= ?", fmt.Sprintf("run:%d:", runID)).Where("owner < ?", fmt.Sprintf("run:%d;", runID)).
		Where("state IN ('held', 'in_doubt')").OrderExpr("updated_at DESC").Limit(1).Scan(ctx)
	c, ok, err := found(c, err, "read claim of run")
	if err != nil || ok {
		return c.Key, err
	}
	var r Refusal
	err = db.NewSelect().Model(&r).Where("repo_id = ?", repoID).Where("run_id = ?", runID).OrderExpr("attempt DESC").Limit(1).Scan(ctx)
	r, _, err = found(r, err, "read refusal of run")
	return r.ClaimKey, err
}

// OpenTick is the incident of the newest tick of a workflow up to a moment, in
// one of the states, unless a later tick has had its run by then.
func OpenTick(ctx context.Context, db bun.IDB, repoID int64, path string, until Millis, states []string) (inc Incident, ok bool, err error) {
	err = db.NewSelect().Model(&inc).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).
		Where("tick_at <> 0").Where("tick_at <= ?", until).Where("state IN (?)", bun.List(states)).
		Where("NOT EXISTS (SELECT 1 FROM workflow_runs AS r WHERE r.repo_id = incident.repo_id AND r.workflow_path = incident.workflow_path"+
			" AND r.tick_at > incident.tick_at AND r.created_at <= ?)", until).
		OrderExpr("tick_at DESC, id DESC").Limit(1).Scan(ctx)
	return found(inc, err, "read open tick")
}

// TickRunNear is a run that answers a tick of a workflow and was created no
// more than within before or after a moment, the newest tick's of those that
// had come by then; ok is false when there is none.
func TickRunNear(ctx context.Context, db bun.IDB, repoID int64, path string, at, within Millis) (r WorkflowRun, ok bool, err error) {
	const early = 120_000 // ms, as in schedule.Early
	err = db.NewSelect().Model(&r).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("tick_at BETWEEN 1 AND ?", at+early).
		Where("created_at BETWEEN ? AND ?", at-within, at+within).OrderExpr("tick_at DESC, run_id").Limit(1).Scan(ctx)
	return found(r, err, "read run of tick")
}

// DispatchUnderWay is the try that has asked GitHub for a run under the claim
// key and does not know yet which one came of it; ok is false when there is none.
func DispatchUnderWay(ctx context.Context, db bun.IDB, key string) (st Step, ok bool, err error) {
	err = db.NewSelect().Model(&st).Where("claim_key = ?", key).Where("epoch <> 0").Where("kind IN ('dispatch', 'repository_dispatch')").
		Where("state = ?", StepIntent).OrderExpr("id DESC").Limit(1).Scan(ctx)
	return found(st, err, "read dispatch")
}

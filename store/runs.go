package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// WorkflowRun is what was seen of one attempt of a workflow run.
type WorkflowRun struct {
	bun.BaseModel `bun:"table:workflow_runs"`

	RepoID       int64  `bun:",pk"`
	RunID        int64  `bun:",pk"`
	Attempt      int    `bun:",pk"` // from 1
	WorkflowPath string // ".github/workflows/x.yml"
	Event        string
	HeadBranch   string
	HeadSHA      string `bun:"head_sha"`
	Actor        string // login of who started this attempt
	URL          string `bun:"url"`
	Status       string
	Conclusion   string // "" while not completed
	CreatedAt    Millis // of the run
	UpdatedAt    Millis // as GitHub says, in whole seconds
	ObservedAt   Millis
	StartedAt    Millis // run_started_at: when this attempt was asked for; created_at is the first one's
	BeganAt      Millis // when it was first seen in progress, by GitHub's clock; 0 unknown
	ReadyAt      Millis // when it was first seen to wait for a runner only, after an approval or its turn in its concurrency group; 0 always
	TickAt       Millis // the tick of the schedule that it answers; 0 none
	TickCron     string // of that tick: "spec|timezone"
	Tombstone    string // why nothing is expected of it any more; "" while something is
	UnseenAt     Millis // since when GitHub has not shown its jobs; 0 it shows them
	Accounted    bool   // the consequences of its end were drawn; see [Tx.Account]
}

// Completed is true of an attempt that has ended.
func (r *WorkflowRun) Completed() bool { return r.Status == "completed" }

// progress orders the statuses of a run as far as they are ordered. GitHub
// goes back and forth between those of one number (waiting, in_progress).
var progress = map[string]int{
	"requested": 1,
	"queued":    2, "pending": 2, "waiting": 2,
	"in_progress": 3,
	"completed":   4,
}

// waits are the statuses of a run that people make wait: for an approval, or
// behind another run of its concurrency group. It is queued before, often in
// the same second.
var waits = map[string]int{"waiting": 1, "pending": 1}

// after says whether r was seen later in the life of the same attempt than
// old. It is a total order on what GitHub reports, so the outcome of any
// number of observations does not depend on their order or repetition.
func (r *WorkflowRun) after(old *WorkflowRun) bool {
	return cmp.Or(
		cmp.Compare(progress[r.Status], progress[old.Status]),
		cmp.Compare(r.UpdatedAt, old.UpdatedAt), // ties are common: resolution of one second
		cmp.Compare(waits[r.Status], waits[old.Status]),
		cmp.Compare(r.Status, old.Status),
		cmp.Compare(r.Conclusion, old.Conclusion),
		cmp.Compare(r.URL, old.URL),
		cmp.Compare(r.Actor, old.Actor),
	) > 0
}

// SaveRun records an observation unless a later one is known, and returns what
// is known of this attempt then.
func (tx *Tx) SaveRun(ctx context.Context, seen WorkflowRun) (WorkflowRun, error) {
	known := WorkflowRun{RepoID: seen.RepoID, RunID: seen.RunID, Attempt: seen.Attempt}
	err := tx.NewSelect().Model(&known).WherePK().Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.NewInsert().Model(&seen).Exec(ctx)
	case err == nil && !seen.after(&known):
		return known, nil
	case err == nil:
		// What is no observation stays, and the first sight of a beginning.
		seen.TickAt, seen.TickCron, seen.Tombstone, seen.UnseenAt = known.TickAt, known.TickCron, known.Tombstone, known.UnseenAt
		seen.Accounted = known.Accounted && known.Conclusion == seen.Conclusion
		seen.StartedAt = cmp.Or(seen.StartedAt, known.StartedAt)
		seen.BeganAt = cmp.Or(known.BeganAt, seen.BeganAt)
		if seen.ReadyAt = known.ReadyAt; waits[known.Status] > waits[seen.Status] {
			seen.ReadyAt = seen.ObservedAt
		}
		_, err = tx.NewUpdate().Model(&seen).WherePK().Exec(ctx)
	}
	if err != nil {
		return WorkflowRun{}, fmt.Errorf("save run %d: %w", seen.RunID, err)
	}
	return seen, nil
}

// LatestAttempt is the highest attempt known of a run; ok is false when none is.
func LatestAttempt(ctx context.Context, db bun.IDB, repoID, runID int64) (run WorkflowRun, ok bool, err error) {
	err = db.NewSelect().Model(&run).Where("repo_id = ?", repoID).Where("run_id = ?", runID).
		OrderExpr("attempt DESC").Limit(1).Scan(ctx)
	return found(run, err, "read run")
}

// Attempts are those known of a run, the first one first.
func Attempts(ctx context.Context, db bun.IDB, repoID, runID int64) (list []WorkflowRun, err error) {
	err = db.NewSelect().Model(&list).Where("repo_id = ?", repoID).Where("run_id = ?", runID).OrderExpr("attempt").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read attempts of run %d: %w", runID, err)
	}
	return list, nil
}

// LatestRun is the newest run known of a workflow outside of pull requests, in
// its newest attempt.
func (s *Store) LatestRun(ctx context.Context, repoID int64, path string) (run WorkflowRun, ok bool, err error) {
	err = s.read.NewSelect().Model(&run).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).
		Where("event NOT LIKE 'pull_request%'").OrderExpr("created_at DESC, run_id DESC, attempt DESC").Limit(1).Scan(ctx)
	return found(run, err, "read latest run")
}

// LaterSuccess is a run of the workflow on the branch, or on the default branch
// that took its place, that was created after the given run and has done its
// work; ok is false when none is known.
func LaterSuccess(ctx context.Context, db bun.IDB, inc *Incident) (run WorkflowRun, ok bool, err error) {
	var at Repository
	if at, _, err = oneRepository(at, db.NewSelect().Model(&at).Where("id = ?", inc.RepoID).Scan(ctx)); err != nil {
		return run, false, err
	}
	branches := []string{inc.HeadBranch, cmp.Or(at.TookOver(inc), inc.HeadBranch)}
	err = db.NewSelect().Model(&run).Where("repo_id = ?", inc.RepoID).Where("workflow_path = ?", inc.WorkflowPath).
		Where("head_branch IN (?)", bun.List(branches)).Where(proves).Where("event NOT LIKE 'pull_request%'").
		Where("created_at > ? OR (created_at = ? AND run_id > ?)", inc.RunCreatedAt, inc.RunCreatedAt, inc.RunID).
		OrderExpr("created_at DESC, run_id DESC").Limit(1).Scan(ctx)
	return found(run, err, "read later success")
}

// OtherConclusion says whether an attempt or run of the workflow on the same
// commit ended differently before: the sign of a flaky workflow.
func (s *Store) OtherConclusion(ctx context.Context, inc *Incident) (bool, error) {
	ok, err := s.read.NewSelect().Model((*WorkflowRun)(nil)).Where("repo_id = ?", inc.RepoID).
		Where("workflow_path = ?", inc.WorkflowPath).Where("head_sha = ?", inc.HeadSHA).
		Where(proves).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("read runs of commit: %w", err)
	}
	return ok, nil
}

// found turns "no rows" into ok = false.
func found[T any](v T, err error, what string) (T, bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		var zero T
		return zero, false, nil
	}
	if err != nil {
		var zero T
		return zero, false, fmt.Errorf("%s: %w", what, err)
	}
	return v, true, nil
}

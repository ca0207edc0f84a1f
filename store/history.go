package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// NextHistory is a watched workflow of an installation whose past runs were
// not read yet: one that may be asked for now, those with a schedule first,
// which have a grace to learn, or else the one that may be asked for next. ok
// is false when there is none.
func (s *Store) NextHistory(ctx context.Context, installationID int64, now Millis) (w Watch, ok bool, err error) {
	err = s.read.NewSelect().Model(&w).Where("history_at = 0").
		Where("repo_id IN (SELECT id FROM repositories r WHERE r.installation_id = ? AND NOT r.removed AND NOT r.archived)", installationID).
		OrderExpr(`max(past_at, ?), json_extract(facts, '$.crons') IS NULL, repo_id, workflow_path`, now).Limit(1).Scan(ctx)
	return found(w, err, "find unread history")
}

// PutOffHistory notes that the past of a workflow was refused once more, and
// when it is asked for again.
func (tx *Tx) PutOffHistory(ctx context.Context, repoID int64, path string, until Millis) error {
	_, err := tx.NewUpdate().Model((*Watch)(nil)).Set("past_at = ?", until).Set("past_refused = past_refused + 1").
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put off history of %s: %w", path, err)
	}
	return nil
}

// HistoryRead notes that the past of a workflow was read, or cannot be.
func (tx *Tx) HistoryRead(ctx context.Context, repoID int64, path string, at Millis) error {
	_, err := tx.NewUpdate().Model((*Watch)(nil)).Set("history_at = ?", at).
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note history of %s: %w", path, err)
	}
	return nil
}

// AnswerTick says which tick of its schedule a run answers, for all attempts.
// A run that answers one keeps it.
func (tx *Tx) AnswerTick(ctx context.Context, repoID, runID int64, at Millis, cron string) error {
	_, err := tx.NewUpdate().Model((*WorkflowRun)(nil)).Set("tick_at = ?", at).Set("tick_cron = ?", cron).
		Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("tick_at = 0").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note tick of run %d: %w", runID, err)
	}
	return nil
}

// RunBegan notes when an attempt of a run got its runner, unless it was seen to.
func (tx *Tx) RunBegan(ctx context.Context, repoID, runID int64, attempt int, at Millis) error {
	_, err := tx.NewUpdate().Model((*WorkflowRun)(nil)).Set("began_at = ?", at).
		Where("repo_id = ?", repoID).Where("run_id = ?", runID).Where("attempt = ?", attempt).Where("began_at = 0").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note begin of run %d: %w", runID, err)
	}
	return nil
}

// KnownRuns are the newest known attempts of runs, by id.
func (s *Store) KnownRuns(ctx context.Context, repoID int64, ids []int64) (map[int64]WorkflowRun, error) {
	known := make(map[int64]WorkflowRun, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	var rows []WorkflowRun
	err := s.read.NewSelect().Model(&rows).Where("repo_id = ?", repoID).Where("run_id IN (?)", bun.List(ids)).OrderExpr("attempt").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	for _, r := range rows {
		known[r.RunID] = r
	}
	return known, nil
}

// TrackedRuns are those among runs that an incident is about or has started.
func (s *Store) TrackedRuns(ctx context.Context, repoID int64, ids []int64) (map[int64]bool, error) {
	tracked := map[int64]bool{}
	if len(ids) == 0 {
		return tracked, nil
	}
	var rows []int64
	err := s.read.NewRaw(`SELECT run_id FROM incidents WHERE repo_id = ? AND run_id IN (?)
		UNION SELECT run_id FROM children WHERE repo_id = ? AND run_id IN (?)`,
		repoID, bun.List(ids), repoID, bun.List(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read tracked runs: %w", err)
	}
	for _, id := range rows {
		tracked[id] = true
	}
	return tracked, nil
}

// OpenRunsBefore are runs of watched workflows that have not ended as far as is
// known and were created before a moment, at random: who asks for some of them
// each time asks for all in the end.
func (s *Store) OpenRunsBefore(ctx context.Context, repoID int64, before Millis, limit int) (ids []int64, err error) {
	err = s.read.NewSelect().Model((*WorkflowRun)(nil)).Column("run_id").Where("repo_id = ?", repoID).
		Where("workflow_path IN (SELECT workflow_path FROM watches WHERE repo_id = ?)", repoID).
		Where("status <> 'completed'").Where("tombstone = ''").Where("created_at < ?", before).
		OrderExpr("random()").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("list open runs: %w", err)
	}
	return ids, nil
}

// Beyond says whether r tells of something that came after what is known: a
// newer attempt, or the same one further on.
func (r *WorkflowRun) Beyond(known WorkflowRun) bool {
	if r.Attempt != known.Attempt {
		return r.Attempt > known.Attempt
	}
	return progress[r.Status] > progress[known.Status]
}

// StepsSought says whether a step in a repository may have started a run that
// was not found yet.
func (s *Store) StepsSought(ctx context.Context, repoID int64) (bool, error) {
	ok, err := s.read.NewSelect().Model((*Step)(nil)).Where("repo_id = ?", repoID).
		Where("kind IN ('dispatch', 'repository_dispatch')").Where("state IN ('intent', 'not_done', 'in_doubt', 'failed')").
		Where("state IN ('intent', 'in_doubt') OR run_id = 0").Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("read open steps: %w", err)
	}
	return ok, nil
}

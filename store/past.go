package store

import (
	"context"
	"fmt"
)

// PastRun is how the first attempt of a run ended, as far as statistics need it.
type PastRun struct {
	RunID      int64
	Attempt    int // from 1
	Conclusion string
	URL        string `bun:"url"`
	CreatedAt  Millis // of the run
	StartedAt  Millis // when this attempt was asked for; 0 unknown
	BeganAt    Millis // when it was first seen in progress; 0 unknown
	EndedAt    Millis // GitHub's updated_at of the completed run: a few seconds after its last job
	TickAt     Millis // the tick of the schedule that it answers; 0 none
	TickCron   string
}

// pastRun are the columns of [PastRun].
const pastRun = "run_id, attempt, conclusion, url, created_at, started_at, began_at, updated_at AS ended_at, tick_at, tick_cron"

// PastRuns are the runs of a workflow on a branch created since a moment that
// have ended, newest first and at most limit. Each is told by the earliest
// first attempt: what happened before anybody helped. Runs of which that one is
// not known to have ended are left out: people re-run what has failed, but
// also what was cancelled or has succeeded. Runs of pull requests are left out,
// too, and those that were told to skip their work. An empty branch means any.
func (s *Store) PastRuns(ctx context.Context, repoID int64, path, branch string, since Millis, limit int64) ([]PastRun, error) {
	var rows []PastRun
	q := s.read.NewSelect().TableExpr("workflow_runs AS workflow_run").ColumnExpr(pastRun).Where(wasToWork).
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("created_at >= ?", since).
		Where("attempt = 1").Where("status = 'completed'").Where("event NOT LIKE 'pull_request%'")
	if branch != "" {
		q = q.Where("head_branch = ?", branch)
	}
	if err := q.OrderExpr("created_at DESC, run_id DESC").Limit(limit).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read past runs of %s: %w", path, err)
	}
	return rows, nil
}

// PastTicks are the ticks of a workflow since a moment that no run answered in
// time, newest first and at most limit.
func (s *Store) PastTicks(ctx context.Context, repoID int64, path string, since Millis, limit int64) ([]Tick, error) {
	var rows []Tick
	err := s.read.NewSelect().Model(&rows).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("tick_at >= ?", since).
		OrderExpr("tick_at DESC, cron").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read ticks of %s: %w", path, err)
	}
	return rows, nil
}

// IncidentSpan is when an incident was, and how it stands.
type IncidentSpan struct {
	ID          int64
	Signal      string
	Conclusion  string // of the run; with signal disabled the workflow's state
	State       string
	HeldBy      string // the gate that suppresses it
	Reason      string
	RunURL      string `bun:"run_url"`
	BeganAt     Millis // when the trouble itself began; 0 unknown
	OpenedAt    Millis
	ConfirmedAt Millis // 0: it was never more than a suspicion
	SettledAt   Millis // 0 while it is not over
}

// IncidentSpans are the incidents of a workflow that are not over or were
// settled since a moment, newest first and at most limit.
func (s *Store) IncidentSpans(ctx context.Context, repoID int64, path string, since Millis, limit int64) ([]IncidentSpan, error) {
	var rows []IncidentSpan
	err := s.read.NewSelect().TableExpr("incidents").
		ColumnExpr("id, signal, conclusion, state, held_by, reason, run_url, began_at, opened_at, confirmed_at, settled_at").
		Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("(settled_at = 0 OR settled_at >= ?)", since).
		OrderExpr("id DESC").Limit(limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read incidents of %s: %w", path, err)
	}
	return rows, nil
}

// WatchedRepositories are those with watched workflows that an active
// installation covers, by owner and name. Archived ones run nothing.
func (s *Store) WatchedRepositories(ctx context.Context) ([]Repository, error) {
	var all []Repository
	err := s.read.NewSelect().Model(&all).Where("NOT removed").Where("NOT archived").
		Where("installation_id IN (SELECT id FROM installations WHERE state = ?)", InstallationActive).
		Where("EXISTS (SELECT 1 FROM watches AS w WHERE w.repo_id = repository.id)").
		Order("owner", "name").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read watched repositories: %w", err)
	}
	return all, nil
}

// QueueTimes are how long runs of all repositories waited for a runner, in
// milliseconds: of those last observed from since to before until that were
// seen to begin, newest first and at most limit.
func (s *Store) QueueTimes(ctx context.Context, since, until Millis, limit int64) ([]int64, error) {
	var waits []int64
	err := s.read.NewSelect().TableExpr("workflow_runs").ColumnExpr("began_at - started_at").
		Where("observed_at >= ?", since).Where("observed_at < ?", until).
		Where("started_at <> 0").Where("began_at >= started_at").
		OrderExpr("observed_at DESC").Limit(limit).Scan(ctx, &waits)
	if err != nil {
		return nil, fmt.Errorf("read queue times: %w", err)
	}
	return waits, nil
}

// BegunSince are the queue times, in milliseconds, of the runs that began at or
// after since, at most limit.
func (s *Store) BegunSince(ctx context.Context, since Millis, limit int64) ([]int64, error) {
	var waits []int64
	err := s.read.NewSelect().TableExpr("workflow_runs").ColumnExpr("began_at - started_at").
		Where("observed_at >= ?", since). // has an index, and nothing begins after it was last observed
		Where("began_at >= ?", since).Where("started_at <> 0").Where("began_at >= started_at").
		OrderExpr("observed_at DESC").Limit(limit).Scan(ctx, &waits)
	if err != nil {
		return nil, fmt.Errorf("read queue times: %w", err)
	}
	return waits, nil
}

// QueuedSince are the moments at which the runs were asked for that still wait
// for a runner and were asked for at or after since, at most limit.
func (s *Store) QueuedSince(ctx context.Context, since Millis, limit int64) ([]Millis, error) {
	var asked []Millis
	err := s.read.NewSelect().TableExpr("workflow_runs").ColumnExpr("started_at").
		Where("status <> 'completed'").Where("tombstone = ''").Where("status IN ('requested', 'queued')").
		Where("started_at >= ?", since).Limit(limit).Scan(ctx, &asked)
	if err != nil {
		return nil, fmt.Errorf("read queued runs: %w", err)
	}
	return asked, nil
}

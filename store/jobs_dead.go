package store

import (
	"context"
	"fmt"
)

// RetryJob makes a dead letter pending again with all its attempts, in the
// place of its key that its age gives it. It reports false when id is none.
func (tx *Tx) RetryJob(ctx context.Context, now Millis, id int64) (bool, error) {
	var jobs []Job
	err := tx.NewRaw(`SELECT `+jobColumns+` FROM jobs WHERE id = ? AND state = 'dead'`, id).Scan(ctx, &jobs)
	if err != nil {
		return false, fmt.Errorf("retry job %d: %w", id, err)
	}
	if len(jobs) == 0 {
		return false, nil
	}
	j := jobs[0]
	j.RunAt, j.SetAt, j.Attempt, j.Crashes = now, now, 0, 0
	if j.Unique != "" {
		if merged, err := tx.mergeJob(ctx, j); err != nil {
			return false, fmt.Errorf("retry job %d: %w", id, err)
		} else if merged {
			return true, nil
		}
	}
	busy, err := tx.busyKeys(ctx, []string{j.Key})
	if err != nil {
		return false, fmt.Errorf("retry job %d: %w", id, err)
	}
	j.State = JobAvailable
	if busy[j.Key] {
		j.State = JobWaiting
	}
	_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = ?, run_at = ?, set_at = ?, attempt = 0, crashes = 0 WHERE id = ?`, j.State, now, now, id)
	if err != nil {
		return false, fmt.Errorf("retry job %d: %w", id, err)
	}
	return true, nil
}

// DeadJobs lists dead letters, newest first; limit <= 0 means all.
func (s *Store) DeadJobs(ctx context.Context, limit int) ([]Job, error) {
	if limit <= 0 {
		limit = -1
	}
	var jobs []Job
	err := s.read.NewRaw(`SELECT `+jobColumns+` FROM jobs WHERE state = 'dead' ORDER BY id DESC LIMIT ?`, limit).Scan(ctx, &jobs)
	if err != nil {
		return nil, fmt.Errorf("list dead jobs: %w", err)
	}
	return jobs, nil
}

// JobCounts are what [Store.CountJobs] counts. Running is not among them: it
// is what the process does, not what it has to look up.
type JobCounts struct {
	Available, Waiting, Dead int
	OldestReady              Millis // run_at of the oldest job that is due; 0 when none
}

// CountJobs counts over the indexes only, so that a scrape of a large backlog
// does not read the arguments.
func (s *Store) CountJobs(ctx context.Context, now Millis) (JobCounts, error) {
	var c JobCounts
	err := s.read.NewRaw(`SELECT
		(SELECT count(*) FROM jobs WHERE state = 'available'),
		(SELECT count(*) FROM jobs WHERE state = 'waiting'),
		(SELECT count(*) FROM jobs WHERE state = 'dead'),
		coalesce((SELECT CAST(run_at AS INTEGER) FROM jobs WHERE state = 'available' AND run_at <= ? ORDER BY run_at, id LIMIT 1), 0)`,
		now).Scan(ctx, &c.Available, &c.Waiting, &c.Dead, &c.OldestReady)
	if err != nil {
		return JobCounts{}, fmt.Errorf("count jobs: %w", err)
	}
	return c, nil
}

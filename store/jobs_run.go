package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// jobColumns reads a row whatever is in it: SQLite does not enforce column
// types, and one number that somebody edited into text must not keep all other
// jobs from being fetched.
const jobColumns = `id, CAST(kind AS TEXT) AS kind, CAST(args AS TEXT) AS args, CAST(key AS TEXT) AS key,
	CAST(unique_key AS TEXT) AS unique_key, state, CAST(run_at AS INTEGER) AS run_at, CAST(set_at AS INTEGER) AS set_at,
	CAST(attempt AS INTEGER) AS attempt, CAST(max_attempts AS INTEGER) AS max_attempts,
	CAST(crashes AS INTEGER) AS crashes, CAST(created_at AS INTEGER) AS created_at,
	CAST(started_at AS INTEGER) AS started_at, CAST(last_error AS TEXT) AS last_error`

// TakeJobs marks up to n jobs that are due as running, oldest first, each with
// one attempt more.
func (tx *Tx) TakeJobs(ctx context.Context, now Millis, n int) ([]Job, error) {
	var jobs []Job
	err := tx.NewRaw(`UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at = ?
		WHERE id IN (SELECT id FROM jobs WHERE state = 'available' AND run_at <= ? ORDER BY run_at, id LIMIT ?)
		RETURNING `+jobColumns, now, now, n).Scan(ctx, &jobs)
	if err != nil {
		return nil, fmt.Errorf("take jobs: %w", err)
	}
	return jobs, nil
}

// NextJob says when the next available job is due, which may be in the past;
// 0 when there is none.
func (tx *Tx) NextJob(ctx context.Context) (Millis, error) {
	var at Millis
	err := tx.NewRaw(`SELECT coalesce((SELECT CAST(run_at AS INTEGER) FROM jobs WHERE state = 'available'
		ORDER BY run_at, id LIMIT 1), 0)`).Scan(ctx, &at)
	if err != nil {
		return 0, fmt.Errorf("find next job: %w", err)
	}
	return at, nil
}

// EndJobs writes how running jobs ended, as each one's State says: "" is
// finished, [JobDead] gave up, [JobAvailable] goes on at RunAt. SetAt,
// Attempt, Crashes and LastError are written too. Whatever waited behind a job that is gone is
// promoted.
func (tx *Tx) EndJobs(ctx context.Context, jobs []Job) error {
	var (
		finished []int64
		keys     []string
	)
	for _, j := range jobs {
		gone := true
		switch j.State {
		case "":
			finished = append(finished, j.ID)
		case JobDead:
			_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = 'dead', attempt = ?, crashes = ?, last_error = ?
				WHERE id = ? AND state = 'running'`, j.Attempt, j.Crashes, storable(j.LastError), j.ID)
			if err != nil {
				return fmt.Errorf("bury job %d: %w", j.ID, err)
			}
		default:
			merged, err := tx.releaseJob(ctx, j)
			if err != nil {
				return fmt.Errorf("release job %d: %w", j.ID, err)
			}
			gone = merged
		}
		if gone && j.Key != "" {
			keys = append(keys, j.Key)
		}
	}
	if len(finished) > 0 {
		_, err := tx.ExecContext(ctx, `DELETE FROM jobs WHERE id IN (?) AND state = 'running'`, bun.List(finished))
		if err != nil {
			return fmt.Errorf("finish jobs: %w", err)
		}
	}
	return tx.promoteJobs(ctx, keys)
}

// releaseJob makes a running job available again, or merges it into a pending
// job with the same unique value: only one of them may be pending, and the
// other one has a place in its key that somebody was promised.
func (tx *Tx) releaseJob(ctx context.Context, j Job) (merged bool, err error) {
	if j.Unique != "" {
		merged, err = tx.mergeJob(ctx, j)
		if err != nil || merged {
			return merged, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = 'available', run_at = ?, set_at = ?, attempt = ?, crashes = ?, last_error = ?
		WHERE id = ? AND state = 'running'`, j.RunAt, j.SetAt, j.Attempt, j.Crashes, storable(j.LastError), j.ID)
	return false, err
}

// mergeJob gives what j has been through to the pending job with its unique
// value and deletes j. It reports false when there is no such job.
func (tx *Tx) mergeJob(ctx context.Context, j Job) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE jobs SET set_at = iif(run_at > ?, ?, set_at), run_at = min(run_at, ?), attempt = max(attempt, ?),
		crashes = max(crashes, ?), last_error = ?
		WHERE unique_key = ? AND unique_key <> '' AND state IN ('available', 'waiting') AND id <> ?`,
		j.RunAt, j.SetAt, j.RunAt, j.Attempt, j.Crashes, storable(j.LastError), j.Unique, j.ID)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = ?`, j.ID)
	return true, err
}

// RunningJobs lists the jobs that are marked as running.
func (tx *Tx) RunningJobs(ctx context.Context) ([]Job, error) {
	var jobs []Job
	err := tx.NewRaw(`SELECT `+jobColumns+` FROM jobs WHERE state = 'running' ORDER BY id`).Scan(ctx, &jobs)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	return jobs, nil
}

// PromoteHeadless promotes in every key that has lost its head, which happens
// when a person deletes a row by hand.
func (tx *Tx) PromoteHeadless(ctx context.Context) error {
	var keys []string
	if err := tx.NewRaw(`SELECT DISTINCT key FROM jobs WHERE state = 'waiting'`).Scan(ctx, &keys); err != nil {
		return fmt.Errorf("list waiting keys: %w", err)
	}
	return tx.promoteJobs(ctx, keys)
}

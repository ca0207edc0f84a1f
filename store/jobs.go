package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// JobState is the state of a job's row. A finished job has none.
type JobState string

// The states of a job. Of the jobs of one key that are not dead, exactly one is
// the head (available or running), all others wait; the index jobs_head holds
// that even against a mistake in this package.
const (
	JobAvailable JobState = "available"
	JobWaiting   JobState = "waiting"
	JobRunning   JobState = "running"
	JobDead      JobState = "dead"
)

// Job is a row of the table jobs, see there for the columns.
type Job struct {
	bun.BaseModel `bun:"table:jobs"`

	ID          int64 `bun:",pk,autoincrement"`
	Kind        string
	Args        string
	Key         string
	Unique      string `bun:"unique_key"`
	State       JobState
	RunAt       Millis
	SetAt       Millis // when RunAt was set, see [Tx.SetJobsBack]
	Attempt     int
	MaxAttempts int
	Crashes     int
	CreatedAt   Millis
	StartedAt   Millis
	LastError   string
}

// AddJobs inserts jobs in their order. Kind, Args, Key, Unique, RunAt and
// MaxAttempts are read; a job whose Unique is pending already only brings that
// one's RunAt forward. However many there are, it costs one INSERT, and one
// query each when there are keys and uniques.
func (tx *Tx) AddJobs(ctx context.Context, now Millis, jobs []Job) error {
	rows, sooner, err := tx.placeJobs(ctx, now, jobs)
	if err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	for unique, at := range sooner {
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET run_at = ?, set_at = ? WHERE unique_key = ? AND unique_key <> ''
			AND state IN ('available', 'waiting')`, at, now, unique)
		if err != nil {
			return fmt.Errorf("add jobs: bring %s forward: %w", unique, err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	// Parsing the values is most of the cost, so those that are defaults stay out.
	insert := tx.NewInsert().Model(&rows).ExcludeColumn("id", "attempt", "crashes", "started_at", "last_error")
	if _, err := insert.Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}

// placeJobs decides what becomes a row, in which state, and which pending jobs
// have to run sooner. It can decide in memory because nobody else writes
// during tx.
func (tx *Tx) placeJobs(ctx context.Context, now Millis, jobs []Job) ([]Job, map[string]Millis, error) {
	var keys, uniques []string
	rows := make([]Job, 0, len(jobs))
	for _, j := range jobs {
		j.ID, j.CreatedAt, j.SetAt, j.State = 0, now, now, JobAvailable
		j.Key, j.Unique = storable(j.Key), storable(j.Unique)
		rows = append(rows, j)
		if j.Key != "" {
			keys = append(keys, j.Key)
		}
		if j.Unique != "" {
			uniques = append(uniques, j.Unique)
		}
	}
	busy, err := tx.busyKeys(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	pending, err := tx.pendingUniques(ctx, uniques)
	if err != nil {
		return nil, nil, err
	}
	var (
		kept   = rows[:0]
		sooner = map[string]Millis{}
		ours   = map[string]int{} // unique → index in kept
	)
	for _, j := range rows {
		if at, ok := pending[j.Unique]; ok {
			if j.RunAt < at {
				pending[j.Unique], sooner[j.Unique] = j.RunAt, j.RunAt
			}
			continue
		}
		if i, ok := ours[j.Unique]; ok {
			kept[i].RunAt = min(kept[i].RunAt, j.RunAt)
			continue
		}
		if j.Unique != "" {
			ours[j.Unique] = len(kept)
		}
		if busy[j.Key] {
			j.State = JobWaiting
		} else if j.Key != "" {
			busy[j.Key] = true
		}
		kept = append(kept, j)
	}
	return kept, sooner, nil
}

// busyKeys returns those of keys that have a head.
func (tx *Tx) busyKeys(ctx context.Context, keys []string) (map[string]bool, error) {
	busy := map[string]bool{}
	if len(keys) == 0 {
		return busy, nil
	}
	var found []string
	err := tx.NewRaw(`SELECT DISTINCT key FROM jobs WHERE key IN (SELECT value FROM json_each(?))
		AND key <> '' AND state IN ('available', 'running')`, jsonList(keys)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look up keys: %w", err)
	}
	for _, k := range found {
		busy[k] = true
	}
	return busy, nil
}

// pendingUniques returns when those of uniques run that are pending.
func (tx *Tx) pendingUniques(ctx context.Context, uniques []string) (map[string]Millis, error) {
	pending := map[string]Millis{}
	if len(uniques) == 0 {
		return pending, nil
	}
	var found []Job
	err := tx.NewRaw(`SELECT unique_key, run_at FROM jobs WHERE unique_key IN (SELECT value FROM json_each(?))
		AND unique_key <> '' AND state IN ('available', 'waiting')`, jsonList(uniques)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look up unique jobs: %w", err)
	}
	for _, j := range found {
		pending[j.Unique] = j.RunAt
	}
	return pending, nil
}

// promoteJobs gives each key that has lost its head the job that waited
// longest.
func (tx *Tx) promoteJobs(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = 'available' WHERE id IN (
		SELECT (SELECT j.id FROM jobs AS j WHERE j.key = k.value AND j.state = 'waiting' ORDER BY j.id LIMIT 1)
		FROM json_each(?) AS k
		WHERE NOT EXISTS (SELECT 1 FROM jobs AS h WHERE h.key = k.value AND h.key <> '' AND h.state IN ('available', 'running')))`,
		jsonList(keys))
	if err != nil {
		return fmt.Errorf("promote jobs: %w", err)
	}
	return nil
}

// jsonList passes a list of any length as one argument.
func jsonList[T string | int64](list []T) string {
	b, _ := json.Marshal(list) //nolint:errchkjson // strings and integers cannot fail
	return string(b)
}

// storable makes any bytes a text that the database accepts: bun refuses NUL,
// and invalid UTF-8 would not compare equal to what comes back. One hostile
// byte in an error message must not fail the transaction for ever.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

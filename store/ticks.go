package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// TickOutcome is what became of a tick of a schedule that no run answered in time.
type TickOutcome string

// The outcomes of ticks.
const (
	TickSuspected TickOutcome = "suspected" // late beyond the soft grace; an incident looks after it
	TickMissed    TickOutcome = "missed"    // no run came
	TickDropped   TickOutcome = "dropped"   // a newer one took its place
	TickUnwatched TickOutcome = "unwatched" // nobody could know, or nobody was to expect it
	TickLate      TickOutcome = "late"      // its run came, beyond the soft grace
)

// Tick is a tick of a schedule that no run answered in time. Those that were
// answered in time stand with their runs.
type Tick struct {
	bun.BaseModel `bun:"table:ticks"`

	RepoID       int64  `bun:",pk"`
	WorkflowPath string `bun:",pk"`
	TickAt       Millis `bun:",pk"`
	Cron         string `bun:",pk"` // "spec|timezone"
	Outcome      TickOutcome
	IncidentID   int64  // 0 for none
	At           Millis // when the outcome was written
}

// keepTicks is how long ticks are kept: they are shown, and counted over 28 days.
const keepTicks = 60 * 24 * time.Hour

// SaveTick writes the outcome of a tick; a later one replaces it. Outcomes of
// long ago are removed on the way.
func (tx *Tx) SaveTick(ctx context.Context, t Tick) error {
	_, err := tx.NewInsert().Model(&t).On("CONFLICT (repo_id, workflow_path, tick_at, cron) DO UPDATE").
		Set("outcome = EXCLUDED.outcome, incident_id = EXCLUDED.incident_id, at = EXCLUDED.at").Exec(ctx)
	if err == nil {
		_, err = tx.NewDelete().Model((*Tick)(nil)).Where("at < ?", t.At-Millis(keepTicks.Milliseconds())).Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("write tick of %s: %w", t.WorkflowPath, err)
	}
	return nil
}

// ReadTick reads one; ok is false when nothing is on record, as for a tick that was answered in time.
func ReadTick(ctx context.Context, db bun.IDB, repoID int64, path string, at Millis, cron string) (t Tick, ok bool, err error) {
	err = db.NewSelect().Model(&t).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).
		Where("tick_at = ?", at).Where("cron = ?", cron).Scan(ctx)
	return found(t, err, "read tick")
}

// TickRun is the run that answers a tick, in its newest attempt; ok is false
// when none is known to.
func TickRun(ctx context.Context, db bun.IDB, repoID int64, path string, at Millis, cron string) (run WorkflowRun, ok bool, err error) {
	err = db.NewSelect().Model(&run).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).
		Where("tick_at = ?", at).Where("tick_cron = ?", cron).OrderExpr("attempt DESC").Limit(1).Scan(ctx)
	return found(run, err, "read run of tick")
}

// LaterTickRun is a run that answers a tick after at of the same workflow and
// cron ("": of any), the newest such; ok is false when none is known.
func LaterTickRun(ctx context.Context, db bun.IDB, repoID int64, path, cron string, at Millis) (run WorkflowRun, ok bool, err error) {
	err = db.NewSelect().Model(&run).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).
		Where("tick_at > ?", at).Where("(? = '' OR tick_cron = ?)", cron, cron).OrderExpr("tick_at DESC, attempt DESC").Limit(1).Scan(ctx)
	return found(run, err, "read run of a later tick")
}

// IncidentOfKey is the incident of an occurrence; ok is false when it has none.
func IncidentOfKey(ctx context.Context, db bun.IDB, key string) (inc Incident, ok bool, err error) {
	err = db.NewSelect().Model(&inc).Where("occurrence_key = ?", key).Scan(ctx)
	return found(inc, err, "read incident of occurrence")
}

// TickFilter narrows a list of incidents of ticks. Zero values do not narrow.
type TickFilter struct {
	RepoID       int64
	WorkflowPath string
	Signal       string
	Cron         string // "spec|timezone"
	States       []string
	Before       Millis // of ticks before this one
	After        Millis // of ticks after this one
	// Done takes in those in other states whose work is known to be done, too.
	Done bool
	// Untouched leaves out those that have a run, or a step that was begun.
	Untouched bool
}

// UntickedIncidents are the incidents of a workflow about runs that were created
// at or after a moment and answer no tick, newest first, at most 100.
func UntickedIncidents(ctx context.Context, db bun.IDB, repoID int64, path string, since Millis) ([]Incident, error) {
	var list []Incident
	err := db.NewSelect().Model(&list).Where("repo_id = ?", repoID).Where("workflow_path = ?", path).Where("tick_at = 0").Where("run_id <> 0").
		Where("run_created_at >= ?", since).OrderExpr("id DESC").Limit(100).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list incidents of runs without a tick: %w", err)
	}
	return list, nil
}

// TickIncidents are incidents of ticks, oldest tick first, at most 1000.
func TickIncidents(ctx context.Context, db bun.IDB, f TickFilter) ([]Incident, error) {
	var list []Incident
	q := db.NewSelect().Model(&list).Where("repo_id = ?", f.RepoID).Where("workflow_path = ?", f.WorkflowPath).
		Where("signal = ?", f.Signal).Where("tick_at <> 0").OrderExpr("tick_at, id").Limit(1000)
	switch {
	case f.Done:
		q.Where("(state IN (?) OR EXISTS (SELECT 1 FROM claims AS c WHERE c.key = incident.occurrence_key AND c.state = 'done'))", bun.List(f.States))
	case len(f.States) > 0:
		q.Where("state IN (?)", bun.List(f.States))
	}
	if f.Cron != "" {
		q.Where("tick_cron = ?", f.Cron)
	}
	if f.Before != 0 {
		q.Where("tick_at < ?", f.Before)
	}
	if f.After != 0 {
		q.Where("tick_at > ?", f.After)
	}
	if f.Untouched {
		q.Where("run_id = 0").Where("NOT EXISTS (SELECT 1 FROM steps AS s WHERE s.incident_id = incident.id AND s.epoch <> 0)")
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list incidents of ticks: %w", err)
	}
	return list, nil
}

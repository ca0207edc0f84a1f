package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Dependency is what is kept of something that recoveries depend on.
type Dependency struct {
	bun.BaseModel `bun:"table:dependencies"`

	Name       string `bun:",pk"`
	Breaker    string // JSON of storm.Breaker
	UpstreamID int64  // the newest upstream incident about it, 0 for none
	Page       string // what the public status page said last, JSON or ""
	PageAt     Millis // when it was asked, 0 for never
	UpdatedAt  Millis
}

// ReadDependency reads one; a dependency without a row has never been in trouble.
func ReadDependency(ctx context.Context, db bun.IDB, name string) (Dependency, error) {
	var d Dependency
	err := db.NewSelect().Model(&d).Where("name = ?", name).Scan(ctx)
	d, ok, err := found(d, err, "read dependency")
	if err == nil && !ok {
		d.Name = name
	}
	return d, err
}

// Dependencies lists all that have been in trouble, by name.
func (s *Store) Dependencies(ctx context.Context) ([]Dependency, error) {
	var list []Dependency
	if err := s.read.NewSelect().Model(&list).OrderExpr("name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list dependencies: %w", err)
	}
	return list, nil
}

// SaveDependency writes a dependency, new or not.
func (tx *Tx) SaveDependency(ctx context.Context, d Dependency) error {
	_, err := tx.NewInsert().Model(&d).On("CONFLICT (name) DO UPDATE").
		Set("breaker = EXCLUDED.breaker, upstream_id = EXCLUDED.upstream_id, page = EXCLUDED.page").
		Set("page_at = EXCLUDED.page_at, updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write dependency %s: %w", d.Name, err)
	}
	return nil
}

// Troubled are the incidents that are not over whose target was last seen, at
// or after since, without a run that begins. Oldest first.
func Troubled(ctx context.Context, db bun.IDB, states []string, since Millis) ([]Incident, error) {
	var list []Incident
	err := db.NewSelect().Model(&list).Where("state IN (?)", bun.List(states)).Where("upstream_id = 0").
		Where("EXISTS (SELECT 1 FROM canaries c WHERE c.repo_id = incident.repo_id AND c.workflow_path = incident.workflow_path AND NOT c.began AND c.at >= ?)", since).
		OrderExpr("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list incidents of silent targets: %w", err)
	}
	return list, nil
}

// HeldIncidents are those of an upstream incident that are in one of the
// states, newest occurrence first.
func HeldIncidents(ctx context.Context, db bun.IDB, upstreamID int64, states ...string) ([]Incident, error) {
	var list []Incident
	err := db.NewSelect().Model(&list).Where("upstream_id = ?", upstreamID).Where("state IN (?)", bun.List(states)).
		OrderExpr("max(tick_at, run_created_at) DESC, id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list incidents that are held: %w", err)
	}
	return list, nil
}

// Join makes incidents part of an upstream incident. Like the Check Run's id
// it is no part of a transition, and does not make one fail.
func (tx *Tx) Join(ctx context.Context, upstreamID int64, ids ...int64) error {
	_, err := tx.NewUpdate().Model((*Incident)(nil)).Set("upstream_id = ?", upstreamID).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("join upstream incident %d: %w", upstreamID, err)
	}
	return nil
}

// Spent are the moments at which recoveries over GitHub began since a moment,
// newest first and at most limit: the budgets' withdrawals. The filter narrows
// it; what GitHub did not take on is given back, and what a person asked for
// is counted but not bounded.
func Spent(ctx context.Context, db bun.IDB, f SpentFilter, since Millis, limit int64) ([]Millis, error) {
	var moments []Millis
	q := db.NewSelect().TableExpr("steps AS s").Column("s.intent_at").Where("s.epoch <> 0").
		Where("s.intent_at >= ?", since).Where("s.kind IN (?)", bun.List(f.Kinds)).
		Where("s.state NOT IN ('not_sent', 'not_done', 'skipped')").OrderExpr("s.intent_at DESC").Limit(limit)
	if f.RepoID != 0 {
		q.Where("s.repo_id = ?", f.RepoID)
	}
	if f.IncidentID != 0 {
		q.Where("s.incident_id = ?", f.IncidentID)
	}
	if f.WorkflowPath != "" {
		q.Join("JOIN incidents AS i ON i.id = s.incident_id").Where("i.workflow_path = ?", f.WorkflowPath)
	}
	if err := q.Scan(ctx, &moments); err != nil {
		return nil, fmt.Errorf("read what was spent: %w", err)
	}
	return moments, nil
}

// SpentFilter narrows [Spent]. Zero values do not narrow.
type SpentFilter struct {
	Kinds        []string
	RepoID       int64
	IncidentID   int64
	WorkflowPath string
}

// ObservedRuns counts the runs that were seen since a moment.
func ObservedRuns(ctx context.Context, db bun.IDB, since Millis) (int, error) {
	var n int
	err := db.NewSelect().Model((*WorkflowRun)(nil)).ColumnExpr("count(*)").Where("observed_at >= ?", since).Where("attempt = 1").Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count observed runs: %w", err)
	}
	return n, nil
}

// Unheard says when the last delivery came, 0 for never, and how many runs are
// known that were created later than it and before until: GitHub must have
// told of them and has not.
func Unheard(ctx context.Context, db bun.IDB, until Millis) (last Millis, runs int, err error) {
	if err = db.NewRaw("SELECT coalesce((SELECT received_at FROM deliveries ORDER BY id DESC LIMIT 1), 0)").Scan(ctx, &last); err == nil {
		err = db.NewSelect().Model((*WorkflowRun)(nil)).ColumnExpr("count(DISTINCT run_id)").
			Where("observed_at > ?", last).Where("created_at > ?", last).Where("created_at < ?", until).Scan(ctx, &runs)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("compare deliveries with runs: %w", err)
	}
	return last, runs, nil
}

// JoinedIncidents counts the incidents that were part of an upstream incident.
func JoinedIncidents(ctx context.Context, db bun.IDB, upstreamID int64) (int, error) {
	n, err := db.NewSelect().Model((*Incident)(nil)).Where("upstream_id = ?", upstreamID).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count incidents of upstream incident %d: %w", upstreamID, err)
	}
	return int(n), nil
}

// StepsOf is [Store.Steps] in a transaction.
func StepsOf(ctx context.Context, db bun.IDB, incidentID int64) ([]Step, error) {
	var steps []Step
	if err := db.NewSelect().Model(&steps).Where("incident_id = ?", incidentID).OrderExpr("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read steps of incident %d: %w", incidentID, err)
	}
	return steps, nil
}

package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// The scopes of a pause.
const (
	PauseAll        = "all"
	PauseRepository = "repository"
	PauseWorkflow   = "workflow"
)

// Pause is a person's wish that nothing begins by itself for a while.
type Pause struct {
	bun.BaseModel `bun:"table:pauses"`

	ID           int64 `bun:",pk,autoincrement"`
	Scope        string
	RepoID       int64 // 0 with scope all
	Owner        string
	Repo         string
	WorkflowPath string // with scope workflow only
	FromAt       Millis
	UntilAt      Millis // 0: until somebody resumes
	Actor        string
	Reason       string
	CreatedAt    Millis
	EndedAt      Millis // when a person ended it; 0 when none did
	EndedBy      string
}

// Begun is true of a pause whose time has come.
func (p *Pause) Begun(now Millis) bool { return p.FromAt <= now }

// AddPause inserts p and sets its id.
func (tx *Tx) AddPause(ctx context.Context, p *Pause) error {
	if _, err := tx.NewInsert().Model(p).Exec(ctx); err != nil {
		return fmt.Errorf("write pause: %w", err)
	}
	return nil
}

// EndPause ends p at now.
func (tx *Tx) EndPause(ctx context.Context, p *Pause, now Millis, by string) error {
	p.EndedAt, p.EndedBy = now, by
	if _, err := tx.NewUpdate().Model(p).Column("ended_at", "ended_by").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("end pause %d: %w", p.ID, err)
	}
	return nil
}

// Pausing are the pauses in force over a workflow: its own, its repository's
// and those over everything. The one that lasts longest comes first.
func Pausing(ctx context.Context, db bun.IDB, repoID int64, workflowPath string, now Millis) ([]Pause, error) {
	var list []Pause
	err := db.NewSelect().Model(&list).Where("ended_at = 0").
		Where("repo_id IN (0, ?)", repoID).Where("workflow_path IN ('', ?)", workflowPath).
		Where("from_at <= ?", now).Where("until_at = 0 OR until_at > ?", now).
		OrderExpr("until_at = 0 DESC, until_at DESC, id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read pauses: %w", err)
	}
	return list, nil
}

// OpenPauses are the pauses that are in force or yet to come, oldest first.
func OpenPauses(ctx context.Context, db bun.IDB, now Millis) ([]Pause, error) {
	var list []Pause
	err := db.NewSelect().Model(&list).Where("ended_at = 0").Where("until_at = 0 OR until_at > ?", now).OrderExpr("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list pauses: %w", err)
	}
	return list, nil
}

// LatestPauses are the newest pauses, those that are over included.
func LatestPauses(ctx context.Context, db bun.IDB, limit int64) ([]Pause, error) {
	var list []Pause
	if err := db.NewSelect().Model(&list).OrderExpr("id DESC").Limit(limit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list pauses: %w", err)
	}
	return list, nil
}

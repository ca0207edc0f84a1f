package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Step is one try of one rung of an incident's ladder.
type Step struct {
	bun.BaseModel `bun:"table:steps"`

	ID          int64 `bun:",pk,autoincrement"`
	IncidentID  int64
	RepoID      int64
	Round       int
	StepIndex   int
	Try         int
	Kind        string
	Target      string
	State       StepState
	ClaimKey    string
	Epoch       int64
	BaseAttempt int
	RunID       int64
	RunAttempt  int
	URL         string `bun:"url"`
	Reason      string
	Evidence    string // JSON or ""
	IntentAt    Millis
	LookedAt    Millis // when its run was first looked for and not found, 0 for never
	StartedAt   Millis
	DoneAt      Millis
}

// StepState says how far a try has come.
type StepState string

// The states of a try.
const (
	StepIntent    StepState = "intent"    // about to act, or acted and the outcome is not written yet
	StepStarted   StepState = "started"   // the effect has happened; its evidence is awaited
	StepSucceeded StepState = "succeeded" // proven by evidence
	StepFailed    StepState = "failed"
	StepSkipped   StepState = "skipped"  // does not apply; no effect
	StepNotDone   StepState = "not_done" // the answer was lost, and asking showed no effect
	StepNotSent   StepState = "not_sent" // GitHub or the host took nothing on; may be sent again at once
	StepInDoubt   StepState = "in_doubt" // a person decides
	// StepSuperseded: the run itself succeeded before this step was proven.
	StepSuperseded StepState = "superseded"
)

// AddStep inserts a try and sets its id.
func (tx *Tx) AddStep(ctx context.Context, st *Step) error {
	if _, err := tx.NewInsert().Model(st).Exec(ctx); err != nil {
		return fmt.Errorf("write step of incident %d: %w", st.IncidentID, err)
	}
	return nil
}

// SwapStep writes st when the stored row is still in the state from.
func (tx *Tx) SwapStep(ctx context.Context, st *Step, from StepState) error {
	res, err := tx.NewUpdate().Model(st).WherePK().Where("state = ?", from).Exec(ctx)
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = ErrConflict
		}
	}
	if err != nil {
		return fmt.Errorf("write step %d: %w", st.ID, err)
	}
	return nil
}

// Steps are the tries of an incident, oldest first.
func (s *Store) Steps(ctx context.Context, incidentID int64) ([]Step, error) {
	var steps []Step
	err := s.read.NewSelect().Model(&steps).Where("incident_id = ?", incidentID).OrderExpr("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read steps of incident %d: %w", incidentID, err)
	}
	return steps, nil
}

// OpenSteps are the tries in a repository whose effect could still show up as
// a run that we do not know: intents, what asking could not settle, and what
// ended at or after since because no run was found. Oldest first.
func OpenSteps(ctx context.Context, db bun.IDB, repoID int64, kind string, since Millis) ([]Step, error) {
	var steps []Step
	err := db.NewSelect().Model(&steps).Where("repo_id = ?", repoID).Where("kind = ?", kind).
		Where("state IN ('intent', 'not_done', 'in_doubt', 'failed')").
		Where("state IN ('intent', 'in_doubt') OR done_at >= ? AND run_id = 0 AND looked_at <> 0", since).
		OrderExpr("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open steps: %w", err)
	}
	return steps, nil
}

// Child is an attempt of a run that a step started.
type Child struct {
	bun.BaseModel `bun:"table:children"`

	RepoID     int64 `bun:",pk"`
	RunID      int64 `bun:",pk"`
	Attempt    int   `bun:",pk"`
	StepID     int64
	IncidentID int64
}

// ErrAdopted reports that a run is counted as another step's already.
var ErrAdopted = errors.New("run belongs to another step")

// Adopt records a run as started by a step. [ErrAdopted] when another step has it.
func (tx *Tx) Adopt(ctx context.Context, c Child) error {
	if _, err := tx.NewInsert().Model(&c).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("adopt run %d: %w", c.RunID, err)
	}
	kept := Child{RepoID: c.RepoID, RunID: c.RunID, Attempt: c.Attempt}
	if err := tx.NewSelect().Model(&kept).WherePK().Scan(ctx); err != nil {
		return fmt.Errorf("adopt run %d: %w", c.RunID, err)
	}
	if kept.StepID != c.StepID {
		return fmt.Errorf("adopt run %d, which step %d started: %w", c.RunID, kept.StepID, ErrAdopted)
	}
	return nil
}

// Children are the runs that a step started, in the order in which they began.
func (s *Store) Children(ctx context.Context, stepID int64) ([]Child, error) {
	var list []Child
	err := s.read.NewSelect().Model(&list).Where("step_id = ?", stepID).OrderExpr("run_id, attempt").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read runs of step %d: %w", stepID, err)
	}
	return list, nil
}

// Adopted says which of the runs have been adopted, by any step.
func (s *Store) Adopted(ctx context.Context, repoID int64, runIDs []int64) (map[int64]bool, error) {
	adopted := map[int64]bool{}
	if len(runIDs) == 0 {
		return adopted, nil
	}
	var rows []Child
	if err := s.read.NewSelect().Model(&rows).Where("repo_id = ?", repoID).Where("run_id IN (?)", bun.List(runIDs)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read adopted runs: %w", err)
	}
	for _, r := range rows {
		adopted[r.RunID] = true
	}
	return adopted, nil
}

// IncidentsOfRun are the incidents that a run is the subject of, and those
// whose steps started it.
func IncidentsOfRun(ctx context.Context, db bun.IDB, repoID, runID int64) (subject, parents []int64, err error) {
	err = db.NewSelect().Model((*Incident)(nil)).Column("id").Where("repo_id = ?", repoID).Where("run_id = ?", runID).Scan(ctx, &subject)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		err = db.NewSelect().Model((*Child)(nil)).ColumnExpr("DISTINCT incident_id").
			Where("repo_id = ?", repoID).Where("run_id = ?", runID).Scan(ctx, &parents)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fmt.Errorf("read incidents of run %d: %w", runID, err)
	}
	return subject, parents, nil
}

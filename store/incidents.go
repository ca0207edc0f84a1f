package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// ErrConflict reports that a row changed since it was read. The reader starts
// over from the new state.
var ErrConflict = errors.New("changed meanwhile")

// Incident is one occurrence of a failure and where its recovery stands. What
// the states mean is the business of package fallback.
type Incident struct {
	bun.BaseModel `bun:"table:incidents"`

	ID             int64 `bun:",pk,autoincrement"`
	OccurrenceKey  string
	InstallationID int64
	RepoID         int64
	Owner          string
	Repo           string
	WorkflowPath   string
	Event          string
	HeadBranch     string
	HeadSHA        string `bun:"head_sha"`
	RunID          int64
	RunAttempt     int
	RunURL         string `bun:"run_url"`
	RunCreatedAt   Millis
	Conclusion     string
	Depth          int
	Cause          string
	FailedJob      string
	FailedStep     string
	Signal         string // what gave it away; see package fallback
	TickAt         Millis // 0 for what no schedule started
	TickCron       string // "spec|timezone"
	BeganAt        Millis
	ConfirmedAt    Millis
	ErrorLine      string
	Signature      string
	Loops          int
	HeldBy         string
	UpstreamID     int64
	LookedAt       Millis
	CancelAskedAt  Millis
	CancelRefused  int
	LatePrimary    string
	State          string
	Version        int64
	Round          int
	Unasked        int
	StepIndex      int
	Forced         bool
	Passed         string // JSON of the ids of the pauses in force when Forced was set, or ""
	Following      int
	Ladder         string
	Reason         string
	Evidence       string
	NotBefore      Millis
	Actor          string
	CheckRunID     int64
	PushedAt       Millis // of a push: when it was, by GitHub's clock; 0 unknown
	MissingSince   Millis
	OpenedAt       Millis
	UpdatedAt      Millis
	SettledAt      Millis
}

// Event is a line of an incident's timeline. From equal to To is a note.
type Event struct {
	bun.BaseModel `bun:"table:incident_events"`

	ID         int64 `bun:",pk,autoincrement"`
	IncidentID int64
	At         Millis
	From       string `bun:"from_state"`
	To         string `bun:"to_state"`
	Reason     string
	Evidence   string // JSON or ""
}

// OpenIncident inserts inc unless its occurrence has one, and says whether it
// did. The id is set only then.
func (tx *Tx) OpenIncident(ctx context.Context, inc *Incident) (bool, error) {
	res, err := tx.NewInsert().Model(inc).On("CONFLICT (occurrence_key) DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("open incident: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		inc.ID = 0
		return false, err
	}
	if inc.ID, err = res.LastInsertId(); err != nil {
		return false, fmt.Errorf("open incident: %w", err)
	}
	return true, nil
}

// SwapIncident writes inc when the stored row still has the state from and the
// version that inc carries, and raises the version. [ErrConflict] otherwise.
// The Check Run's id and the upstream incident are not written: they have
// [Tx.SetCheckRun] and [Tx.Join], which must not make a transition fail.
func (tx *Tx) SwapIncident(ctx context.Context, inc *Incident, from string) error {
	read := inc.Version
	inc.Version++
	res, err := tx.NewUpdate().Model(inc).WherePK().ExcludeColumn("check_run_id", "upstream_id").
		Where("state = ?", from).Where("version = ?", read).Exec(ctx)
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = ErrConflict
		}
	}
	if err != nil {
		return fmt.Errorf("write incident %d: %w", inc.ID, err)
	}
	return nil
}

// SetCheckRun remembers the Check Run that shows an incident.
func (tx *Tx) SetCheckRun(ctx context.Context, id, checkRunID int64) error {
	_, err := tx.NewUpdate().Model((*Incident)(nil)).Set("check_run_id = ?", checkRunID).Where("id = ?", id).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write check run of incident %d: %w", id, err)
	}
	return nil
}

// AddEvent appends to an incident's timeline.
func (tx *Tx) AddEvent(ctx context.Context, e Event) error {
	if _, err := tx.NewInsert().Model(&e).Exec(ctx); err != nil {
		return fmt.Errorf("write event of incident %d: %w", e.IncidentID, err)
	}
	return nil
}

// ReadIncident reads one; ok is false when there is none.
func ReadIncident(ctx context.Context, db bun.IDB, id int64) (inc Incident, ok bool, err error) {
	err = db.NewSelect().Model(&inc).Where("id = ?", id).Scan(ctx)
	return found(inc, err, "read incident")
}

// Events is the timeline of an incident, oldest first.
func (s *Store) Events(ctx context.Context, incidentID int64) ([]Event, error) {
	var events []Event
	err := s.read.NewSelect().Model(&events).Where("incident_id = ?", incidentID).OrderExpr("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read events of incident %d: %w", incidentID, err)
	}
	return events, nil
}

// IncidentFilter narrows a list of incidents. Zero values do not narrow.
type IncidentFilter struct {
	RepoID       int64
	Owner, Repo  string // compared without case
	WorkflowPath string
	RunID        int64
	States       []string
	Signals      []string
	Before       int64  // only smaller ids
	WorkflowName string // file, or file without its ending, in whatever directory; compared without case
	UpstreamID   int64  // parts of this upstream incident
	Top          bool   // no parts of upstream incidents that are not over
	Limit        int64  // 0 means 100
}

// Incidents lists incidents, newest first.
func Incidents(ctx context.Context, db bun.IDB, f IncidentFilter) ([]Incident, error) {
	var list []Incident
	q := db.NewSelect().Model(&list).OrderExpr("id DESC")
	if f.RepoID != 0 {
		q.Where("repo_id = ?", f.RepoID)
	}
	if f.Owner != "" {
		q.Where("lower(owner) = lower(?)", f.Owner)
	}
	if f.Repo != "" {
		q.Where("lower(repo) = lower(?)", f.Repo)
	}
	if f.WorkflowPath != "" {
		q.Where("workflow_path = ?", f.WorkflowPath)
	}
	if f.RunID != 0 {
		q.Where("run_id = ?", f.RunID)
	}
	if len(f.States) > 0 {
		q.Where("state IN (?)", bun.List(f.States))
	}
	if len(f.Signals) > 0 {
		q.Where("signal IN (?)", bun.List(f.Signals))
	}
	if f.Before != 0 {
		q.Where("id < ?", f.Before)
	}
	if f.WorkflowName != "" {
		file := ".github/workflows/" + strings.ToLower(strings.TrimPrefix(f.WorkflowName, ".github/workflows/"))
		q.Where("lower(workflow_path) IN (?, ?, ?)", file, file+".yml", file+".yaml")
	}
	if f.UpstreamID != 0 {
		q.Where("upstream_id = ?", f.UpstreamID)
	}
	if f.Top {
		q.Where("upstream_id NOT IN (SELECT id FROM incidents WHERE signal = 'upstream' AND settled_at = 0)")
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	if err := q.Limit(f.Limit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	return list, nil
}

// Begun are the moments, newest first and at most limit, at or after since at
// which other recoveries of an incident's workflow began that no person asked
// for. Those of runs that the event except has started are left out.
func Begun(ctx context.Context, db bun.IDB, inc *Incident, except string, since Millis, limit int64) ([]Millis, error) {
	var moments []Millis
	err := db.NewSelect().TableExpr("incidents AS i").Join("JOIN steps AS s ON s.incident_id = i.id AND s.epoch <> 0").
		ColumnExpr("min(s.intent_at) AS begun").
		Where("i.repo_id = ?", inc.RepoID).Where("i.workflow_path = ?", inc.WorkflowPath).
		Where("i.id <> ?", inc.ID).Where("i.event <> ?", except).
		Where("i.updated_at >= ?", since).Where("NOT i.forced").
		GroupExpr("i.id").Having("begun >= ?", since).OrderExpr("begun DESC").Limit(limit).Scan(ctx, &moments)
	if err != nil {
		return nil, fmt.Errorf("read recoveries of %s: %w", inc.WorkflowPath, err)
	}
	return moments, nil
}

// IncidentStates counts incidents by state.
func (s *Store) IncidentStates(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		State string
		N     int
	}
	err := s.read.NewSelect().Model((*Incident)(nil)).ColumnExpr("state, count(*) AS n").GroupExpr("state").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count incidents: %w", err)
	}
	counts := make(map[string]int, len(rows))
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

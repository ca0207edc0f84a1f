package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// RepositoryStatus says how a repository's watched workflows are.
type RepositoryStatus struct {
	RepoID int64 `json:"repo_id"`
	// Known is false when the repository's configuration was never read.
	Known     bool             `json:"known"`
	Workflows []WorkflowStatus `json:"workflows"`
}

// WorkflowStatus says how a watched workflow is.
type WorkflowStatus struct {
	File  string `json:"file"` // path
	State State  `json:"state"`
	// Incident is the newest one that is not over, else the newest one.
	Incident *Incident      `json:"incident,omitempty"`
	LastRun  *RunView       `json:"last_run,omitempty"` // the newest seen on the branch of the last incident, or any
	Breaker  *BreakerStatus `json:"breaker,omitempty"`  // nil while it is closed and nothing failed
	Paused   *Pause         `json:"paused,omitempty"`   // the pause that holds it longest
	// Schedule is nil for a workflow that no schedule starts.
	Schedule *ScheduleStatus `json:"schedule,omitempty"`
}

// RunView is a workflow run as last seen.
type RunView struct {
	ID         int64     `json:"id"`
	Attempt    int       `json:"attempt"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion,omitempty"`
	URL        string    `json:"url"`
	CreatedAt  time.Time `json:"created_at"`
}

// BreakerStatus is the state of a workflow's breaker.
type BreakerStatus struct {
	State    string     `json:"state"` // closed | open | half_open
	Failures int        `json:"failures"`
	Until    *time.Time `json:"until,omitempty"`
}

// Status tells how the watched workflows of a repository are, from the store alone.
func (e *Engine) Status(ctx context.Context, repoID int64) (RepositoryStatus, error) {
	c, known, err := e.Configs.InForce(ctx, repoID)
	if err != nil {
		return RepositoryStatus{}, err
	}
	status := RepositoryStatus{RepoID: repoID, Known: known, Workflows: []WorkflowStatus{}}
	for _, w := range c.Workflows {
		ws, err := e.workflowStatus(ctx, repoID, w.File)
		if err != nil {
			return RepositoryStatus{}, err
		}
		status.Workflows = append(status.Workflows, ws)
	}
	return status, nil
}

func (e *Engine) workflowStatus(ctx context.Context, repoID int64, file string) (WorkflowStatus, error) {
	ws := WorkflowStatus{File: file, State: Healthy}
	db := e.Store.Read()
	for _, states := range [][]string{unsettled, nil} {
		list, err := store.Incidents(ctx, db, store.IncidentFilter{RepoID: repoID, WorkflowPath: file, States: states, Limit: 1})
		if err != nil {
			return ws, err
		}
		if len(list) == 1 {
			inc := view(&list[0])
			ws.Incident, ws.State = &inc, inc.State
			break
		}
	}
	r, ok, err := e.Store.LatestRun(ctx, repoID, file)
	if err != nil {
		return ws, err
	}
	if ok {
		ws.LastRun = &RunView{ID: r.RunID, Attempt: r.Attempt, Status: r.Status, Conclusion: r.Conclusion, URL: r.URL, CreatedAt: r.CreatedAt.Time()}
		// A settled incident is history once a later run has ended well.
		if ws.State.Settled() && r.Conclusion == "success" && r.RunID != ws.incidentRun() {
			ws.State = Healthy
		}
	}
	p, paused, err := e.paused(ctx, db, repoID, file)
	if err != nil {
		return ws, err
	}
	if paused {
		shown := viewPause(&p, e.now())
		ws.Paused = &shown
	}
	b, err := store.ReadBreaker(ctx, db, repoID, file)
	if err == nil && (b.State != breakerClosed || b.Failures > 0) {
		ws.Breaker = &BreakerStatus{State: b.State, Failures: b.Failures, Until: moment(b.Until)}
	}
	if err == nil {
		ws.Schedule, err = e.scheduleStatus(ctx, repoID, file, ws.Incident)
	}
	return ws, err
}

func (ws *WorkflowStatus) incidentRun() int64 {
	if ws.Incident == nil {
		return 0
	}
	return ws.Incident.Run
}

// Watches says whether a workflow is watched, from the store alone. known is
// false when the repository's configuration was never read.
func (e *Engine) Watches(ctx context.Context, repoID int64, workflowPath string) (watched, known bool, err error) {
	c, known, err := e.Configs.InForce(ctx, repoID)
	if err != nil || !known {
		return false, known, err
	}
	for _, w := range c.Workflows {
		if w.File == workflowPath {
			return true, true, nil
		}
	}
	return false, true, nil
}

// Tracks says whether a run is part of an incident: the one that failed, or
// one that a step started.
func (e *Engine) Tracks(ctx context.Context, repoID, runID int64) (bool, error) {
	subject, parents, err := store.IncidentsOfRun(ctx, e.Store.Read(), repoID, runID)
	return len(subject)+len(parents) > 0, err
}

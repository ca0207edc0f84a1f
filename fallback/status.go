package fallback

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Incident is an incident as the API shows it.
type Incident struct {
	ID         int64      `json:"id"`
	Repo       queue.Repo `json:"repo"`
	Workflow   string     `json:"workflow"` // path
	Run        int64      `json:"run"`
	Attempt    int        `json:"attempt"`
	RunURL     string     `json:"run_url"`
	HeadSHA    string     `json:"head_sha"`
	Branch     string     `json:"branch"`
	Conclusion string     `json:"conclusion"`
	Cause      string     `json:"cause,omitempty"`
	FailedJob  string     `json:"failed_job,omitempty"`
	FailedStep string     `json:"failed_step,omitempty"`
	ErrorLine  string     `json:"error_line,omitempty"` // first of the log, cleaned and masked
	Signature  string     `json:"signature,omitempty"`  // equal for equal failures of a workflow
	Loops      int        `json:"loops,omitempty"`      // recoveries right before this one that did not last
	Signal     Signal     `json:"signal"`               // what gave it away
	Tick       *time.Time `json:"tick,omitempty"`       // of the schedule that it is about
	Cron       string     `json:"cron,omitempty"`       // of that tick, "spec|timezone"
	BeganAt    time.Time  `json:"began_at"`             // when the trouble itself began, as far as is known
	Confirmed  *time.Time `json:"confirmed_at,omitempty"`
	HeldBy     string     `json:"held_by,omitempty"`      // the gate that holds it back
	Late       string     `json:"late_primary,omitempty"` // what became of the tick's own run after its recovery: skipped | cancelled | duplicate_possible
	State      State      `json:"state"`
	Upstream   int64      `json:"upstream,omitempty"` // the incident that it is part of
	Reason     string     `json:"reason"`
	Depth      int        `json:"depth"`
	Actor      string     `json:"actor,omitempty"` // the person who asked for it
	OpenedAt   time.Time  `json:"opened_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	SettledAt  *time.Time `json:"settled_at,omitempty"`
	NotBefore  *time.Time `json:"not_before,omitempty"` // suppressed until
	CheckRun   int64      `json:"check_run,omitempty"`
	Evidence   Evidence   `json:"evidence,omitempty"`
	Steps      []StepView `json:"steps,omitempty"`
	Timeline   []Event    `json:"timeline,omitempty"`
	// Explanation is the story in plain sentences, Claim who may act on it; of a
	// single incident only.
	Explanation []string `json:"explanation,omitempty"`
	Claim       *Claim   `json:"claim,omitempty"`
}

// Evidence is a JSON object: run, attempt, conclusion and url of a run, or
// exit_code, duration and output of an action.
type Evidence = json.RawMessage

// StepView is a try of a step as the API shows it.
type StepView struct {
	Step      int             `json:"step"`  // from 1
	Round     int             `json:"round"` // from 0; a person's restart begins one
	Try       int             `json:"try"`   // from 1
	Kind      string          `json:"kind"`
	Target    string          `json:"target,omitempty"`
	State     store.StepState `json:"state"`
	Epoch     int64           `json:"epoch,omitempty"`
	Run       int64           `json:"run,omitempty"`
	Attempt   int             `json:"attempt,omitempty"`
	URL       string          `json:"url,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Evidence  Evidence        `json:"evidence,omitempty"`
	IntentAt  time.Time       `json:"intent_at"`
	StartedAt *time.Time      `json:"started_at,omitempty"`
	DoneAt    *time.Time      `json:"done_at,omitempty"`
}

// Event is a line of the timeline. From equal to To is a note.
type Event struct {
	At       time.Time `json:"at"`
	From     State     `json:"from"`
	To       State     `json:"to"`
	Reason   string    `json:"reason"`
	Evidence Evidence  `json:"evidence,omitempty"`
}

// Filter narrows a list of incidents. Zero values do not narrow.
type Filter struct {
	RepoID      int64
	Owner, Name string
	Workflow    string // path
	// WorkflowName is a file with or without directory and ending.
	WorkflowName string
	States       []State
	Signals      []Signal
	Before       int64 // only smaller ids: the next page of a list
	// Upstream: only the parts of this incident.
	Upstream int64
	// All: parts of upstream incidents, too. Without it they are left out of
	// lists that are not about one repository.
	All   bool
	Limit int // 0 means 100
}

// Incidents lists incidents without steps and timeline, newest first.
func (e *Engine) Incidents(ctx context.Context, f Filter) ([]Incident, error) {
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	var signals []string
	for _, s := range f.Signals {
		signals = append(signals, string(s))
	}
	rows, err := store.Incidents(ctx, e.Store.Read(), store.IncidentFilter{
		Signals: signals, Before: f.Before, WorkflowName: f.WorkflowName,
		RepoID: f.RepoID, Owner: f.Owner, Repo: f.Name, WorkflowPath: f.Workflow, States: states, Limit: int64(f.Limit),
		UpstreamID: f.Upstream, Top: !f.All && f.Upstream == 0 && f.RepoID == 0 && f.Owner == "",
	})
	if err != nil {
		return nil, err
	}
	list := make([]Incident, 0, len(rows))
	for i := range rows {
		list = append(list, view(&rows[i]))
	}
	return list, nil
}

// Incident reads one with steps and timeline; ok is false when there is none.
func (e *Engine) Incident(ctx context.Context, id int64) (inc Incident, ok bool, err error) {
	row, ok, err := store.ReadIncident(ctx, e.Store.Read(), id)
	if err != nil || !ok {
		return Incident{}, ok, err
	}
	inc = view(&row)
	steps, err := e.Store.Steps(ctx, id)
	if err != nil {
		return Incident{}, false, err
	}
	for i := range steps {
		inc.Steps = append(inc.Steps, viewStep(&steps[i]))
	}
	events, err := e.Store.Events(ctx, id)
	for _, ev := range events {
		inc.Timeline = append(inc.Timeline, Event{At: ev.At.Time(), From: State(ev.From), To: State(ev.To), Reason: ev.Reason, Evidence: Evidence(ev.Evidence)})
	}
	if err != nil {
		return Incident{}, false, err
	}
	if inc.Explanation, ok, err = e.Explain(ctx, id); err != nil || !ok {
		return Incident{}, ok, err
	}
	c, known, err := e.Store.Claim(ctx, row.OccurrenceKey)
	if known {
		shown := e.viewClaim(row.OccurrenceKey, c)
		inc.Claim = &shown
	}
	return inc, err == nil, err
}

func view(r *store.Incident) Incident {
	return Incident{
		ID: r.ID, Repo: queue.Repo{InstallationID: r.InstallationID, ID: r.RepoID, Owner: r.Owner, Name: r.Repo}, Workflow: r.WorkflowPath,
		Run: r.RunID, Attempt: r.RunAttempt, RunURL: r.RunURL, HeadSHA: r.HeadSHA, Branch: r.HeadBranch, Conclusion: r.Conclusion,
		Cause: r.Cause, FailedJob: r.FailedJob, FailedStep: r.FailedStep, ErrorLine: r.ErrorLine, Signature: r.Signature, Loops: r.Loops, State: State(r.State),
		Upstream: r.UpstreamID, Reason: r.Reason, Depth: r.Depth,
		Signal: Signal(r.Signal), Tick: moment(r.TickAt), Cron: r.TickCron, BeganAt: r.BeganAt.Time(), Confirmed: moment(r.ConfirmedAt),
		HeldBy: heldNow(r), Late: r.LatePrimary,
		Actor: r.Actor, OpenedAt: r.OpenedAt.Time(), UpdatedAt: r.UpdatedAt.Time(), SettledAt: moment(r.SettledAt),
		NotBefore: moment(r.NotBefore), CheckRun: r.CheckRunID, Evidence: Evidence(r.Evidence),
	}
}

func viewStep(st *store.Step) StepView {
	return StepView{
		Step: st.StepIndex + 1, Round: st.Round, Try: st.Try, Kind: st.Kind, Target: st.Target, State: st.State, Epoch: st.Epoch,
		Run: st.RunID, Attempt: st.RunAttempt, URL: st.URL, Reason: st.Reason, Evidence: Evidence(st.Evidence),
		IntentAt: st.IntentAt.Time(), StartedAt: moment(st.StartedAt), DoneAt: moment(st.DoneAt),
	}
}

func moment(m store.Millis) *time.Time {
	if m == 0 {
		return nil
	}
	t := m.Time()
	return &t
}

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

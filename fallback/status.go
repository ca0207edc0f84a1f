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
	// lists that are not about one repository, as long as their upstream
	// incident is not over.
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

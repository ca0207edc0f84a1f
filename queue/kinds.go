package queue

// Repo addresses a repository. Names change on rename and transfer, ID does
// not: compare by ID, call by name.
type Repo struct {
	InstallationID int64  `json:"installation_id"`
	ID             int64  `json:"id"`
	Owner          string `json:"owner"`
	Name           string `json:"name"`
}

// FullName is "owner/name".
func (r Repo) FullName() string { return r.Owner + "/" + r.Name }

// ProcessDelivery runs the handler of a stored delivery.
type ProcessDelivery struct {
	GUID string `json:"guid"`
}

// Kind implements [Args].
func (ProcessDelivery) Kind() string { return "delivery.process" }

// ValidateCommit brings "redundancy / validate" on a commit up to date.
type ValidateCommit struct {
	Repo Repo   `json:"repo"`
	SHA  string `json:"sha,omitempty"`
	// Ref is a branch, tag or SHA as a person wrote it, to be resolved by the
	// worker. It counts only when SHA is empty; both empty means the head of
	// the default branch.
	Ref        string `json:"ref,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
	// Again posts a new result even when this commit has one: somebody pressed
	// "Re-run" or asked for it.
	Again bool `json:"again,omitempty"`
}

// Kind implements [Args].
func (ValidateCommit) Kind() string { return "commit.validate" }

// LoadConfig reads a repository's configuration at its default branch and puts
// it in force when it is good.
type LoadConfig struct {
	Repo Repo `json:"repo"`
	// Before is the head that a push has replaced. As long as GitHub still
	// answers with it, its readers lag behind its events, and the reading is
	// repeated.
	Before     string `json:"before,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (LoadConfig) Kind() string { return "config.load" }

// ObserveRun re-reads a workflow run and draws the consequences. It carries no
// state of the run on purpose: a webhook is a hint, the API is asked.
type ObserveRun struct {
	Repo       Repo   `json:"repo"`
	RunID      int64  `json:"run_id"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (ObserveRun) Kind() string { return "run.observe" }

// InspectRun looks whether an attempt of a run has begun, and whether it still
// gets on. It is enqueued for the moment at which it should have.
type InspectRun struct {
	Repo    Repo  `json:"repo"`
	RunID   int64 `json:"run_id"`
	Attempt int   `json:"attempt"`
	// MissingSince is when GitHub first did not show the run, Unix ms; 0 when it did.
	MissingSince int64 `json:"missing_since,omitempty"`
}

// Kind implements [Args].
func (InspectRun) Kind() string { return "run.inspect" }

// ExpectRun looks, some minutes after a push to the default branch, whether
// the workflows that such a push starts have been started.
type ExpectRun struct {
	Repo   Repo   `json:"repo"`
	Branch string `json:"branch"`
	SHA    string `json:"sha"` // the new head
	// PushedAt is when that was, Unix ms by GitHub's clock; 0 unknown. A commit
	// can be pushed again, and only a run from then on answers the push.
	PushedAt   int64  `json:"pushed_at,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (ExpectRun) Kind() string { return "push.expect" }

// AdvanceIncident takes an incident as far as it goes without waiting.
type AdvanceIncident struct {
	ID int64 `json:"id"`
}

// Kind implements [Args].
func (AdvanceIncident) Kind() string { return "incident.advance" }

// PublishIncident brings an incident's Check Run up to date.
type PublishIncident struct {
	ID int64 `json:"id"`
}

// Kind implements [Args].
func (PublishIncident) Kind() string { return "incident.publish" }

// Recover asks for the recovery of a target of a repository: a person pressed
// a button, commented, called the API, or sent a repository_dispatch.
type Recover struct {
	Repo   Repo   `json:"repo"`
	Target string `json:"target"` // workflow file, with or without directory and ending; "" when only one can be meant
	Reason string `json:"reason,omitempty"`
	Actor  string `json:"actor"`
	// Verify makes the worker ask GitHub whether Actor may write to the
	// repository when the job runs. It is set for buttons, which a page shows
	// longer than a permission may last.
	Verify bool `json:"verify,omitempty"`
	// Automated says that no person stands behind it, as with a
	// repository_dispatch: breakers and bounds hold, and what a person has to
	// decide stays undecided.
	Automated bool `json:"automated,omitempty"`
	// Done asks for the opposite: the incident, which is in doubt, is to end
	// without anything being done, because its work was done.
	Done       bool   `json:"done,omitempty"`
	IncidentID int64  `json:"incident_id,omitempty"` // from a button
	Depth      int    `json:"depth,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (Recover) Kind() string { return "incident.recover" }

// RunCommand answers one comment command.
type RunCommand struct {
	Repo       Repo   `json:"repo"`
	Number     int    `json:"number"` // of the issue or pull request
	CommentID  int64  `json:"comment_id"`
	Author     string `json:"author"`
	Body       string `json:"body"`
	PullHead   bool   `json:"pull_request"` // the thread is a pull request
	DeliveryID string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (RunCommand) Kind() string { return "command.run" }

// SyncInstallation re-reads an installation: its state and its repositories.
type SyncInstallation struct {
	InstallationID int64  `json:"installation_id"`
	DeliveryID     string `json:"delivery_id,omitempty"`
}

// Kind implements [Args].
func (SyncInstallation) Kind() string { return "installation.sync" }

// RefreshReplies rewrites the comments that report on an incident, after it
// has changed.
type RefreshReplies struct {
	IncidentID int64 `json:"incident_id"`
}

// Kind implements [Args].
func (RefreshReplies) Kind() string { return "command.refresh" }

// UpdateReply rewrites the comment that answers the commands of one thread.
type UpdateReply struct {
	Repo   Repo `json:"repo"`
	Number int  `json:"number"` // of the issue or pull request
}

// Kind implements [Args].
func (UpdateReply) Kind() string { return "command.reply" }

// CheckWorkflow reads the state of a watched workflow: one that is switched
// off starts nothing, and says nothing about it.
type CheckWorkflow struct {
	Repo     Repo   `json:"repo"`
	Workflow string `json:"workflow"` // path
}

// Kind implements [Args].
func (CheckWorkflow) Kind() string { return "workflow.check" }

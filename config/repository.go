package config

// Paths of a repository's configuration, in the order in which they are looked
// for: its own file, then the owner's default (the same path in the repository
// ".github"), then the original system's file.
const (
	RepositoryPath = ".github/redundancy.yml"
	OriginalPath   = "automation/redundancy-config.json"
	OwnerRepo      = ".github"
	WorkflowsDir   = ".github/workflows"
)

// Repository is .github/redundancy.yml: what the App watches in a repository
// and how it recovers what fails.
type Repository struct {
	// Version of this format. Always 1.
	Version int `yaml:"version" json:"version" jsonschema:"enum=1"`
	// Workflows that are watched. A workflow that is not listed is validated only.
	Workflows []Workflow `yaml:"workflows,omitempty" json:"workflows,omitempty" jsonschema:"maxItems=500"`
	// Hosts that recovery steps may name, and what this repository may ask of
	// each. The host's own agent.yml decides. "local", the App's own host,
	// needs no entry.
	Hosts map[string]HostUse `yaml:"hosts,omitempty" json:"hosts,omitempty" jsonschema:"maxProperties=100"`
	// Validate adjusts the Check Run "redundancy / validate".
	Validate Validate `yaml:"validate,omitempty" json:"validate,omitzero"`
	// Notify holds the notification targets that workflows name.
	Notify map[string]Notify `yaml:"notify,omitempty" json:"notify,omitempty" jsonschema:"maxProperties=100"`
}

// Workflow is a watched workflow.
type Workflow struct {
	// File of the workflow: a bare name or the whole path. After parsing it is
	// always the path, ".github/workflows/marketing-sync.yml".
	File string `yaml:"file" json:"file" jsonschema:"minLength=1,maxLength=255"`
	// Schedule says how late is late. Cron and timezone come from the workflow itself.
	Schedule Schedule `yaml:"schedule,omitempty" json:"schedule,omitzero"`
	// Stall says when a run that does not end is stuck.
	Stall Stall `yaml:"stall,omitempty" json:"stall,omitzero"`
	// Effect says what a second execution would do: nothing bad (idempotent),
	// nothing since the workflow itself skips what is done (guarded), or harm
	// (at_most_once).
	Effect Effect `yaml:"effect,omitempty" json:"effect,omitempty" jsonschema:"enum=idempotent,enum=guarded,enum=at_most_once,default=at_most_once"`
	// Recover is tried in this order until one step is proven to have worked.
	Recover []Step `yaml:"recover,omitempty" json:"recover,omitempty" jsonschema:"maxItems=20"`
	// Breaker stops automatic recovery of a workflow that keeps failing.
	Breaker Breaker `yaml:"breaker,omitempty" json:"breaker,omitzero"`
	// Notify names keys of the top-level notify.
	Notify []string `yaml:"notify,omitempty" json:"notify,omitempty" jsonschema:"maxItems=20"`
}

// Schedule says how late is late. Cron and timezone come from the workflow.
type Schedule struct {
	// Grace is how late a scheduled run may start before it is suspected. Left
	// out, it is learned from the workflow's own history.
	Grace Duration `yaml:"grace,omitempty" json:"grace,omitempty"`
	// Deadline is how late a scheduled run may start before it counts as
	// missed. Not shorter than grace.
	Deadline Duration `yaml:"deadline,omitempty" json:"deadline,omitempty"`
	// Catchup says which missed ticks are made up for: none of them, the
	// latest, or all.
	Catchup Catchup `yaml:"catchup,omitempty" json:"catchup,omitempty" jsonschema:"enum=none,enum=latest,enum=all,default=latest"`
	// Late says what happens to a run that GitHub starts after a recovery has
	// done its work: it is reported, or cancelled as long as none of its steps
	// has begun.
	Late Late `yaml:"late,omitempty" json:"late,omitempty" jsonschema:"enum=report,enum=cancel,default=report"`
	// Reenable says whether a schedule that GitHub has switched off because
	// nobody pushed for 60 days is switched on again. What a person has
	// switched off stays off.
	Reenable Reenable `yaml:"reenable,omitempty" json:"reenable,omitempty" jsonschema:"enum=auto,enum=never,default=auto"`
}

// Late says what happens to a scheduled run that comes after its recovery.
type Late string

// The values of late.
const (
	LateReport Late = "report" // the default
	LateCancel Late = "cancel"
)

// Reenable says whether a schedule disabled for inactivity is enabled again.
type Reenable string

// The values of reenable.
const (
	ReenableAuto  Reenable = "auto" // the default
	ReenableNever Reenable = "never"
)

// Catchup says which missed ticks are made up for. Named as in Airflow.
type Catchup string

// The values of catchup.
const (
	CatchupNone   Catchup = "none"
	CatchupLatest Catchup = "latest" // the default
	CatchupAll    Catchup = "all"
)

// Stall says when a run that does not end is stuck.
type Stall struct {
	// Queued is how long a run may wait without any job having started.
	Queued Duration `yaml:"queued,omitempty" json:"queued,omitempty"`
	// Running is how long a run may go on without finishing a step.
	Running Duration `yaml:"running,omitempty" json:"running,omitempty"`
	// Cancel says which stuck runs may be cancelled before they are recovered:
	// those of which no step has begun (idle), none, or all.
	Cancel Cancel `yaml:"cancel,omitempty" json:"cancel,omitempty" jsonschema:"enum=idle,enum=never,enum=always,default=idle"`
}

// Cancel says which stuck runs may be cancelled.
type Cancel string

// The values of cancel.
const (
	CancelIdle   Cancel = "idle" // the default
	CancelNever  Cancel = "never"
	CancelAlways Cancel = "always"
)

// Effect says what a second execution of a workflow would do.
type Effect string

// The effect classes. Empty means AtMostOnce.
const (
	Idempotent Effect = "idempotent"
	Guarded    Effect = "guarded"
	AtMostOnce Effect = "at_most_once"
)

// Breaker stops automatic recovery of a workflow that keeps failing.
type Breaker struct {
	// Failures in a row that open the breaker.
	Failures int `yaml:"failures,omitempty" json:"failures,omitempty" jsonschema:"minimum=1,maximum=1000,default=5"`
	// Cooldown is how long an open breaker waits before one recovery is tried again.
	Cooldown Duration `yaml:"cooldown,omitempty" json:"cooldown,omitempty" jsonschema:"default=5m"`
}

// HostUse says what the repository may ask of a host; the host decides.
type HostUse struct {
	// PM2 processes.
	PM2 bool `yaml:"pm2,omitempty" json:"pm2,omitempty"`
	// Git working copies.
	Git bool `yaml:"git,omitempty" json:"git,omitempty"`
	// Netlify sites.
	Netlify bool `yaml:"netlify,omitempty" json:"netlify,omitempty"`
	// Build health.
	Build bool `yaml:"build,omitempty" json:"build,omitempty"`
}

// Validate adjusts "redundancy / validate".
type Validate struct {
	// Ignore holds regular expressions (RE2). A finding whose message or rule
	// matches one is left out.
	Ignore []string `yaml:"ignore,omitempty" json:"ignore,omitempty" jsonschema:"maxItems=100"`
	// Paths adjusts the files of a glob.
	Paths map[string]PathValidate `yaml:"paths,omitempty" json:"paths,omitempty" jsonschema:"maxProperties=100"`
}

// PathValidate adjusts validation for the files of one glob.
type PathValidate struct {
	// Ignore holds regular expressions (RE2), for these files only.
	Ignore []string `yaml:"ignore,omitempty" json:"ignore,omitempty" jsonschema:"maxItems=100"`
}

// Notify is a notification target.
type Notify struct {
	// URL of the target; "env:NAME" reads it from the server's environment, so
	// that no secret stands in the repository.
	URL string `yaml:"url" json:"url" jsonschema:"minLength=1,maxLength=2048"`
}

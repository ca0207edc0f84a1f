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

// Repository is .github/redundancy.yml.
type Repository struct {
	Version   int                `yaml:"version" json:"version" jsonschema:"enum=1"`
	Workflows []Workflow         `yaml:"workflows,omitempty" json:"workflows,omitempty"`
	Hosts     map[string]HostUse `yaml:"hosts,omitempty" json:"hosts,omitempty"`
	Validate  Validate           `yaml:"validate,omitempty" json:"validate,omitzero"`
	Notify    map[string]Notify  `yaml:"notify,omitempty" json:"notify,omitempty"`
}

// Workflow is a watched workflow.
type Workflow struct {
	// File is the bare name or the whole path; after parsing always the path,
	// ".github/workflows/marketing-sync.yml".
	File     string   `yaml:"file" json:"file"`
	Schedule Schedule `yaml:"schedule,omitempty" json:"schedule,omitzero"`
	Stall    Stall    `yaml:"stall,omitempty" json:"stall,omitzero"`
	Effect   Effect   `yaml:"effect,omitempty" json:"effect,omitempty"`
	Recover  []Step   `yaml:"recover,omitempty" json:"recover,omitempty"`
	Breaker  Breaker  `yaml:"breaker,omitempty" json:"breaker,omitzero"`
	Notify   []string `yaml:"notify,omitempty" json:"notify,omitempty"`
}

// Schedule says how late is late. Cron and timezone come from the workflow.
type Schedule struct {
	Grace    Duration `yaml:"grace,omitempty" json:"grace,omitempty"`
	Deadline Duration `yaml:"deadline,omitempty" json:"deadline,omitempty"`
	Catchup  Catchup  `yaml:"catchup,omitempty" json:"catchup,omitempty" jsonschema:"enum=none,enum=latest,enum=all"`
}

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
	Queued  Duration `yaml:"queued,omitempty" json:"queued,omitempty"`
	Running Duration `yaml:"running,omitempty" json:"running,omitempty"`
}

// Effect says what a second execution of a workflow would do.
type Effect string

// The effect classes, see the contract. Empty means AtMostOnce.
const (
	Idempotent Effect = "idempotent"
	Guarded    Effect = "guarded"
	AtMostOnce Effect = "at_most_once"
)

// Step is one way to recover. Exactly one field is set.
type Step struct {
	Rerun              *Rerun              `yaml:"rerun,omitempty" json:"rerun,omitempty"`
	Dispatch           *Dispatch           `yaml:"dispatch,omitempty" json:"dispatch,omitempty"`
	RepositoryDispatch *RepositoryDispatch `yaml:"repository_dispatch,omitempty" json:"repository_dispatch,omitempty"`
	Run                *Run                `yaml:"run,omitempty" json:"run,omitempty"`
	WorkflowAtHome     *WorkflowAtHome     `yaml:"workflow_at_home,omitempty" json:"workflow_at_home,omitempty"`
}

// Rerun re-runs the failed jobs of the run itself.
type Rerun struct {
	Attempts int          `yaml:"attempts,omitempty" json:"attempts,omitempty" jsonschema:"minimum=1,maximum=10"` // default 1
	When     []RerunCause `yaml:"when,omitempty" json:"when,omitempty"`                                           // empty: whatever the cause
}

// RerunCause is a class of failure.
type RerunCause string

// The classes of failure that a re-run can be limited to.
const (
	Infrastructure RerunCause = "infrastructure"
	Flaky          RerunCause = "flaky"
	Code           RerunCause = "code"
)

// Dispatch starts a workflow by workflow_dispatch.
type Dispatch struct {
	Workflow string            `yaml:"workflow" json:"workflow"` // after parsing the whole path
	Ref      string            `yaml:"ref,omitempty" json:"ref,omitempty"`
	Inputs   map[string]string `yaml:"inputs,omitempty" json:"inputs,omitempty"` // at most 25
}

// RepositoryDispatch sends a repository_dispatch event.
type RepositoryDispatch struct {
	EventType string `yaml:"event_type,omitempty" json:"event_type,omitempty" jsonschema:"maxLength=100"` // default "redundancy-fallback"
}

// DefaultEventType is what a repository_dispatch step sends unless told otherwise.
const DefaultEventType = "redundancy-fallback"

// Run runs a vetted action of a host.
type Run struct {
	Host    string   `yaml:"host" json:"host"` // LocalHost or a key of hosts
	Action  string   `yaml:"action" json:"action"`
	Timeout Duration `yaml:"timeout,omitempty" json:"timeout,omitempty"` // the shorter of this and the action's own counts
}

// LocalHost is the App's own host.
const LocalHost = "local"

// WorkflowAtHome runs the same workflow on a host.
type WorkflowAtHome struct {
	Host string `yaml:"host" json:"host"`
}

// Breaker stops automatic recovery of a workflow that keeps failing.
type Breaker struct {
	Failures int      `yaml:"failures,omitempty" json:"failures,omitempty" jsonschema:"minimum=1"` // default 5
	Cooldown Duration `yaml:"cooldown,omitempty" json:"cooldown,omitempty"`                        // default 5m
}

// HostUse says what the repository may ask of a host; the host decides.
type HostUse struct {
	PM2     bool `yaml:"pm2,omitempty" json:"pm2,omitempty"`
	Git     bool `yaml:"git,omitempty" json:"git,omitempty"`
	Netlify bool `yaml:"netlify,omitempty" json:"netlify,omitempty"`
	Build   bool `yaml:"build,omitempty" json:"build,omitempty"`
}

// Validate adjusts "redundancy / validate".
type Validate struct {
	Ignore []string                `yaml:"ignore,omitempty" json:"ignore,omitempty"` // regular expressions on messages and rules
	Paths  map[string]PathValidate `yaml:"paths,omitempty" json:"paths,omitempty"`   // by glob
}

// PathValidate adjusts validation for the files of one glob.
type PathValidate struct {
	Ignore []string `yaml:"ignore,omitempty" json:"ignore,omitempty"`
}

// Notify is a notification target.
type Notify struct {
	URL string `yaml:"url" json:"url"` // "env:NAME" reads it from the server's environment
}

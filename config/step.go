package config

// Step is one way to recover. Exactly one field is set.
type Step struct {
	// Rerun re-runs the failed jobs of the run itself.
	Rerun *Rerun `yaml:"rerun,omitempty" json:"rerun,omitempty"`
	// Dispatch starts a workflow by workflow_dispatch.
	Dispatch *Dispatch `yaml:"dispatch,omitempty" json:"dispatch,omitempty"`
	// RepositoryDispatch sends a repository_dispatch event.
	RepositoryDispatch *RepositoryDispatch `yaml:"repository_dispatch,omitempty" json:"repository_dispatch,omitempty"`
	// Run runs a vetted action of a host.
	Run *Run `yaml:"run,omitempty" json:"run,omitempty"`
	// WorkflowAtHome runs the same workflow on a host.
	WorkflowAtHome *WorkflowAtHome `yaml:"workflow_at_home,omitempty" json:"workflow_at_home,omitempty"`
}

// Rerun re-runs the failed jobs of the run itself.
type Rerun struct {
	// Attempts at most.
	Attempts int `yaml:"attempts,omitempty" json:"attempts,omitempty" jsonschema:"minimum=1,maximum=10,default=1"`
	// When limits the step to causes of failure. Left out: whatever the cause.
	When []RerunCause `yaml:"when,omitempty" json:"when,omitempty" jsonschema:"enum=infrastructure,enum=flaky,enum=code"`
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
	// Workflow to start: a bare name or the whole path, with a
	// workflow_dispatch trigger. After parsing it is always the path.
	Workflow string `yaml:"workflow" json:"workflow" jsonschema:"minLength=1,maxLength=255"`
	// Ref is the branch or tag that it runs on. Left out: the default branch.
	Ref string `yaml:"ref,omitempty" json:"ref,omitempty" jsonschema:"minLength=1,maxLength=255"`
	// Inputs of the workflow, at most 25 (GitHub's limit).
	Inputs map[string]string `yaml:"inputs,omitempty" json:"inputs,omitempty" jsonschema:"maxProperties=25"`
}

// RepositoryDispatch sends a repository_dispatch event.
type RepositoryDispatch struct {
	// EventType of the event, 1 to 100 characters (GitHub's limit).
	EventType string `yaml:"event_type,omitempty" json:"event_type,omitempty" jsonschema:"minLength=1,maxLength=100,default=redundancy-fallback"`
}

// DefaultEventType is what a repository_dispatch step sends unless told otherwise.
const DefaultEventType = "redundancy-fallback"

// Run runs a vetted action of a host.
type Run struct {
	// Host is "local" or a key of hosts.
	Host string `yaml:"host" json:"host" jsonschema:"minLength=1,maxLength=63"`
	// Action is a name under actions in the host's agent.yml.
	Action string `yaml:"action" json:"action" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=100"`
	// Timeout of the action. The shorter of this and the action's own counts.
	Timeout Duration `yaml:"timeout,omitempty" json:"timeout,omitempty"`
}

// LocalHost is the App's own host.
const LocalHost = "local"

// WorkflowAtHome runs the same workflow on a host.
type WorkflowAtHome struct {
	// Host is "local" or a key of hosts.
	Host string `yaml:"host" json:"host" jsonschema:"minLength=1,maxLength=63"`
}

package config

import "strings"

// Action is one vetted command of a host: the `actions` of agent.yml. Nothing
// else can be asked for, by anybody: a repository names an action, the host's
// owner says what it is.
type Action struct {
	// Argv is the command and its arguments, never a shell line. Argv[0] is an
	// absolute path or a name that is looked up in the fixed search path of
	// package agent/action.
	Argv []string `yaml:"argv" json:"argv" jsonschema:"minItems=1"`
	// SHA256 pins the file that runs, in 64 hex digits: Argv[1] when Argv[0] is
	// an interpreter, else Argv[0]. An action whose file has other content, that
	// has no pin, or that names more code than the pinned file, does not run.
	SHA256 string `yaml:"sha256" json:"sha256" jsonschema:"pattern=^[0-9a-fA-F]{64}$"`
	// Repositories that may ask for it, as owner/name or owner/*, in whatever
	// case. None means every repository that the App is installed on.
	Repositories []string `yaml:"repositories,omitempty" json:"repositories,omitempty" jsonschema:"pattern=^[A-Za-z0-9_-]+/([A-Za-z0-9._-]+|[*])$,maxLength=200,maxItems=500"`
	// User is the account that it runs as. Only root can name another one.
	User string `yaml:"user,omitempty" json:"user,omitempty"`
	// Dir is the working directory; empty means the directory of the script.
	Dir string `yaml:"cwd,omitempty" json:"cwd,omitempty"`
	// Timeout of the whole run; 0 means 10 minutes.
	Timeout Duration `yaml:"timeout,omitempty" json:"timeout,omitempty"`
	// Env names the variables that the action sees. Values come from the
	// host's environment when it starts and are never stored.
	Env []string `yaml:"env,omitempty" json:"env,omitempty"`
	// Isolation says whether it must run in a sandbox; empty means IsolationNone.
	Isolation Isolation `yaml:"isolation,omitempty" json:"isolation,omitempty" jsonschema:"enum=none,enum=required"`
	// Effect says what a second execution would do; empty means AtMostOnce.
	Effect Effect `yaml:"effect,omitempty" json:"effect,omitempty" jsonschema:"enum=idempotent,enum=guarded,enum=at_most_once"`
	// OutputLimit is how many bytes of output are kept, head and tail
	// together; 0 means 64 KiB.
	OutputLimit int `yaml:"output_limit,omitempty" json:"output_limit,omitempty" jsonschema:"minimum=0,maximum=16777216"`
}

// MayBeAskedForBy says whether a repository, as "owner/name", may ask for the
// action.
func (a Action) MayBeAskedForBy(repository string) bool {
	if len(a.Repositories) == 0 {
		return true
	}
	for _, allowed := range a.Repositories {
		candidate := repository
		if owner, all := strings.CutSuffix(allowed, "*"); all { // owner is "acme/"
			allowed, candidate = owner, repository[:min(len(owner), len(repository))]
		}
		// Of the same length, so that only ASCII letters are folded: the list
		// holds nothing else, and other letters that fold to them are longer.
		if len(allowed) == len(candidate) && strings.EqualFold(allowed, candidate) {
			return true
		}
	}
	return false
}

// Isolation says whether an action must run in a sandbox.
type Isolation string

// The values of isolation.
const (
	IsolationNone     Isolation = "none"
	IsolationRequired Isolation = "required" // refused where the host has no sandbox
)

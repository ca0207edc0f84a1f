// Package action runs the vetted actions of this host: commands that its owner
// wrote down and pinned, asked for by name.
//
// An action often has an effect that must not happen twice (a post, a payment),
// and the process that asked for it may die at any moment. So each run has an
// id and a journal directory of its own, and is done by a supervisor, a small
// process in its own session (the same binary under [SupervisorCommand]):
//
//	lock          held, as a flock, from before the run is decided until it is over
//	spec.json     what to run; no values of variables
//	started       exists, on disk, before the command does
//	outcome.json  how it ended
//
// Whoever asks again with the same id and claim gets the first run's outcome;
// with another claim the answer is a refusal. A journal
// with started but without outcome, whose lock is free, is a run whose
// supervisor died: nobody can know what it did, so it is [Unknown] and is never
// repeated here.
package action

import (
	"errors"
	"os"
	"regexp"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// SupervisorCommand is the hidden subcommand under which the binary runs
// [Supervise].
const SupervisorCommand = "__action"

// State says how a run ended.
type State string

// The states of a run.
const (
	Succeeded  State = "succeeded"   // exit code 0
	Failed     State = "failed"      // another exit code, or ended by a signal
	TimedOut   State = "timed_out"   // killed with everything it started
	NotStarted State = "not_started" // provably nothing happened
	Unknown    State = "unknown"     // began, and nobody saw the end
)

// Result is the outcome of a run.
type Result struct {
	State    State `json:"state"`
	ExitCode int   `json:"exit_code"` // -1 when there is none
	// Reason says in one clause why the state is not Succeeded.
	Reason string `json:"reason,omitempty"`
	// Output is what the command wrote to standard output and standard error,
	// as it came, with the values of its variables replaced. When it wrote more
	// than the limit, the middle is missing and a line says how much.
	Output    []byte    `json:"output,omitempty"`
	Dropped   int64     `json:"dropped,omitempty"` // bytes missing in the middle
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

var (
	// ErrRefused wraps every reason for which an action may not run as it is
	// configured. Nothing has happened.
	ErrRefused = errors.New("action refused")
	// ErrNoAction reports a name that the host's owner has not written down.
	ErrNoAction = errors.New("no such action on this host")
	// ErrBadID reports an id that cannot name a journal.
	ErrBadID = errors.New("bad id of a run")
	// ErrOtherClaim reports that the journal of an id is of another claim: its
	// outcome is not that of the run that is asked for.
	ErrOtherClaim = errors.New("the journal belongs to another claim")
)

// Request asks for one run.
type Request struct {
	// ID names the journal: a-z, 0-9 and "-", at most 128. It has to be
	// different for each run for as long as journals are kept, also when the
	// database of whoever asks begins anew.
	ID string
	// Claim says in full what the run is for. The journal keeps it, and gives
	// its outcome to nobody else.
	Claim string
	// Name of the action.
	Name string
	// Repository that asks, as "owner/name".
	Repository string
	// Timeout: the shorter of it and the action's own counts; 0 means no opinion.
	Timeout time.Duration
}

var validID = regexp.MustCompile(`^[a-z0-9-]{1,128}$`)

// Defaults of an action and bounds.
const (
	DefaultTimeout     = 10 * time.Minute
	DefaultOutputLimit = 64 << 10
	maxOutputLimit     = 16 << 20
	DefaultGrace       = 10 * time.Second // between SIGTERM and SIGKILL
)

// SearchPath is where a bare argv[0] is looked up, and PATH of the action
// unless it names PATH among its variables. It is fixed, so that a changed PATH
// of the App does not change what runs.
const SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Config of a Runner.
type Config struct {
	// Dir holds the journals, one directory a run. It is made, mode 0700.
	Dir string
	// Actions by name.
	Actions map[string]config.Action
	// LookupEnv gives the values of an action's variables; nil means
	// [os.LookupEnv].
	LookupEnv func(name string) (string, bool)
	// Grace between the polite and the final signal; 0 means [DefaultGrace].
	Grace time.Duration
}

// Runner runs actions. It is safe for concurrent use, also by several
// processes on one directory.
type Runner struct{ cfg Config }

// New makes a Runner and its directory.
func New(cfg Config) (*Runner, error) {
	if cfg.LookupEnv == nil {
		cfg.LookupEnv = os.LookupEnv
	}
	if cfg.Grace <= 0 {
		cfg.Grace = DefaultGrace
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	return &Runner{cfg: cfg}, nil
}

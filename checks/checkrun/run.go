package checkrun

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/redundancy-app/redundancy/config"
)

// Status of a Check Run. The others of GitHub (waiting, requested, pending)
// are kept for GitHub Actions.
type Status string

// The statuses that an App can set.
const (
	Queued     Status = "queued"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
)

// Conclusion of a completed Check Run. GitHub sets "stale" itself and refuses
// it from Apps.
type Conclusion string

// The conclusions that an App can set.
const (
	Success        Conclusion = "success"
	Failure        Conclusion = "failure"
	Neutral        Conclusion = "neutral"
	Cancelled      Conclusion = "cancelled"
	Skipped        Conclusion = "skipped"
	TimedOut       Conclusion = "timed_out"
	ActionRequired Conclusion = "action_required"
)

// Run is what a Check Run shall say.
type Run struct {
	Name    string // as branch protection rules know it: "redundancy / validate"
	HeadSHA string
	// ExternalID is our key. A run with this name, head and external id that
	// this App made before is adopted, so it must be the same on every attempt
	// and differ between things that deserve runs of their own. Empty: never
	// adopt.
	ExternalID string
	DetailsURL string // may be empty
	Status     Status
	Conclusion Conclusion // with Completed, and only then
	Title      string     // plain text; cut to MaxTitle
	Summary    string     // Markdown; cut to MaxText
	Text       string     // Markdown; cut to MaxText; may be empty
	// Annotations are posted in this order; those beyond MaxAnnotations are
	// counted in the summary.
	Annotations []config.Finding
	Actions     []Action // at most MaxActions; GitHub shows them once the run is completed
	StartedAt   time.Time
	CompletedAt time.Time // zero: the moment GitHub gets to know
}

// Action is a button. A click arrives as check_run.requested_action with the
// identifier.
type Action struct {
	Label       string // at most MaxLabel characters
	Description string // at most MaxDescription characters
	Identifier  string // at most MaxIdentifier characters
}

// check refuses what GitHub would refuse and what no cutting mends: these are
// mistakes of the caller.
func (r Run) check() error {
	if r.Name == "" || r.HeadSHA == "" || r.Title == "" || r.Summary == "" {
		return errors.New("check run needs a name, a head, a title and a summary")
	}
	switch r.Status {
	case Queued, InProgress:
		if r.Conclusion != "" {
			return fmt.Errorf("check run with status %q cannot have the conclusion %q", r.Status, r.Conclusion)
		}
	case Completed:
		switch r.Conclusion {
		case Success, Failure, Neutral, Cancelled, Skipped, TimedOut, ActionRequired:
		default:
			return fmt.Errorf("check run cannot be completed with the conclusion %q", r.Conclusion)
		}
	default:
		return fmt.Errorf("check run cannot have the status %q", r.Status)
	}
	if len(r.Actions) > MaxActions {
		return fmt.Errorf("check run has %d actions, GitHub takes %d", len(r.Actions), MaxActions)
	}
	for _, a := range r.Actions {
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

func (a Action) check() error {
	for _, f := range []struct {
		name, value string
		limit       int
	}{
		{"label", a.Label, MaxLabel},
		{"description", a.Description, MaxDescription},
		{"identifier", a.Identifier, MaxIdentifier},
	} {
		if n := utf8.RuneCountInString(f.value); n == 0 || n > f.limit {
			return fmt.Errorf("action %q: %s has %d characters, want 1 to %d", a.Identifier, f.name, n, f.limit)
		}
	}
	return nil
}

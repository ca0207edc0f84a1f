package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/checks/checkrun"
)

// Status is what "/redundancy status" tells of a repository.
type Status struct {
	// Known is false when the repository's configuration was never read.
	Known     bool
	Workflows []WorkflowStatus
}

// WorkflowStatus is one row of a status.
type WorkflowStatus struct {
	Path  string // ".github/workflows/x.yml"
	State string // of the open incident, else "healthy"
	// BreakerUntil is set while the breaker holds automatic recovery back.
	BreakerUntil time.Time
	// Last is the newest incident; zero when there was none.
	Last LastIncident
}

// LastIncident is the newest incident of a workflow.
type LastIncident struct {
	ID     int64
	State  string
	At     time.Time
	RunURL string // of the run that failed
}

func renderStatus(s Status) string {
	switch {
	case !s.Known:
		return "The configuration of this repository was not read yet. Please try again in a minute."
	case len(s.Workflows) == 0:
		return "No workflow of this repository is watched. `.github/redundancy.yml` says which are."
	}
	var b strings.Builder
	b.WriteString("| workflow | state | last incident |\n|---|---|---|\n")
	for _, f := range s.Workflows[:min(len(s.Workflows), maxRows)] {
		state := checkrun.Cell(f.State)
		if !f.BreakerUntil.IsZero() {
			state += ", automatic recovery held back until " + moment(f.BreakerUntil)
		}
		last := "none"
		if f.Last.ID != 0 {
			last = fmt.Sprintf("%s, %s, %s", link(fmt.Sprint(f.Last.ID), f.Last.RunURL), checkrun.Cell(f.Last.State), moment(f.Last.At))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", checkrun.Cell(f.Path), state, last)
	}
	if more := len(s.Workflows) - maxRows; more > 0 {
		fmt.Fprintf(&b, "\n%d more are not listed.\n", more)
	}
	return b.String()
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
)

// renderStatus is the answer to "/redundancy status".
func renderStatus(s fallback.RepositoryStatus) string {
	switch {
	case !s.Known:
		return "The configuration of this repository was not read yet. Please try again in a minute."
	case len(s.Workflows) == 0:
		return fmt.Sprintf("No workflow of this repository is watched. `%s` says which are.", config.RepositoryPath)
	}
	var b strings.Builder
	b.WriteString("| workflow | state | last run | last incident |\n|---|---|---|---|\n")
	for i := range s.Workflows[:min(len(s.Workflows), maxRows)] {
		w := &s.Workflows[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", checkrun.Cell(w.File), stateOf(w), lastRun(w.LastRun), lastIncident(w.Incident))
	}
	if more := len(s.Workflows) - maxRows; more > 0 {
		fmt.Fprintf(&b, "\n%d more are not listed.\n", more)
	}
	return b.String()
}

func stateOf(w *fallback.WorkflowStatus) string {
	state := checkrun.Cell(string(w.State))
	if s := w.Schedule; s != nil && s.Late != nil {
		late := "late by " + config.Duration(max((time.Duration(s.Late.By)*time.Second).Round(time.Minute), time.Minute)).String()
		if s.Late.Run == 0 && w.State == fallback.Suspected {
			state = late // nothing is known to have failed
		} else {
			state += ", its run came " + late
		}
	}
	if p := w.Paused; p != nil {
		state += ", paused by " + checkrun.Escape(p.Actor)
		if p.Until != nil {
			state += " until " + moment(*p.Until)
		}
	}
	if w.Breaker != nil && w.Breaker.Until != nil {
		state += ", automatic recovery held back until " + moment(*w.Breaker.Until)
	}
	return state
}

func lastRun(r *fallback.RunView) string {
	if r == nil {
		return "none seen"
	}
	came := r.Conclusion
	if came == "" {
		came = r.Status
	}
	return link(fmt.Sprint(r.ID), r.URL) + ", " + checkrun.Cell(came)
}

func lastIncident(inc *fallback.Incident) string {
	if inc == nil {
		return "none"
	}
	return fmt.Sprintf("%s, %s, %s", link(fmt.Sprint(inc.ID), pageOf(inc.RunURL, inc.CheckRun)), checkrun.Cell(string(inc.State)), moment(inc.OpenedAt))
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

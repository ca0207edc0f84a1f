package fallback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// CheckName is the Check Run's name for a workflow, "redundancy / recover marketing-sync".
func CheckName(workflowPath string) string {
	return "redundancy / recover " + workflowName(workflowPath)
}

// ExternalID is the external id of an incident's Check Run. The occurrence key
// keeps incidents of a database that was lost apart from those of its successor.
func ExternalID(inc *store.Incident) string {
	return fmt.Sprintf("incident:%d:%.12s", inc.ID, inc.OccurrenceKey)
}

// Publish is the worker of queue.PublishIncident: it brings the incident's
// Check Run up to date with the store, whatever happened in between.
func (e *Engine) Publish(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.PublishIncident](job)
	if err != nil {
		return err
	}
	inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), args.ID)
	if err != nil || !ok || Signal(inc.Signal) == Upstream { // which no commit is the place of
		return err
	}
	if inc.ConfirmedAt == 0 || inc.HeadSHA == "" {
		return nil // a suspicion is nobody's business, and there has to be a commit to show it on
	}
	steps, err := e.Store.Steps(ctx, inc.ID)
	if err != nil {
		return err
	}
	repo, err := e.repository(ctx, &inc)
	if err != nil {
		return err
	}
	client, err := e.Clients.Installation(repo.InstallationID)
	if err != nil {
		return err
	}
	if repo, err = e.locate(ctx, client, repo); err != nil { // costs nothing while it is unchanged
		err = fmt.Errorf("publish incident %d: %w", inc.ID, e.lost(ctx, err))
		var elsewhere *runs.ElsewhereError
		if errors.As(err, &elsewhere) && e.Clock.Since(inc.UpdatedAt.Time()) < maxSought {
			return queue.Snooze(e.again(inc.UpdatedAt), err)
		}
		return err
	}
	report := e.report(&inc, steps)
	if report.Actions, err = e.pauseButtons(ctx, &inc, report.Actions); err != nil {
		return err
	}
	id, err := e.Publisher.Publish(ctx, client, repo, inc.CheckRunID, report)
	if err != nil {
		return fmt.Errorf("publish incident %d: %w", inc.ID, err)
	}
	if id == inc.CheckRunID {
		return nil
	}
	return e.Store.Update(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error { return tx.SetCheckRun(ctx, inc.ID, id) })
}

// report is the Check Run of an incident. Names of jobs and steps, output and
// answers of GitHub are other people's text and go in escaped.
func (e *Engine) report(inc *store.Incident, steps []store.Step) checkrun.Run {
	r := checkrun.Run{
		Name: CheckName(inc.WorkflowPath), HeadSHA: inc.HeadSHA, ExternalID: ExternalID(inc), Status: checkrun.InProgress,
		Title: title(inc), Summary: summary(inc, steps), Text: outputs(steps), StartedAt: inc.OpenedAt.Time(),
	}
	if e.DetailsURL != nil {
		r.DetailsURL = e.DetailsURL(inc.ID)
	}
	if State(inc.State).Active() {
		return r
	}
	r.Status, r.Conclusion, r.CompletedAt = checkrun.Completed, conclusion(State(inc.State)), inc.UpdatedAt.Time()
	if State(inc.State).Waiting() {
		r.Actions = []checkrun.Action{{Label: "Recover", Description: buttonText(inc), Identifier: ButtonRecover}}
		if State(inc.State) == InDoubt { // with that of the pause it has three, which is GitHub's limit
			r.Actions = append(r.Actions, checkrun.Action{Label: "It was done", Description: "Close this without doing it again", Identifier: ButtonDone})
		}
	}
	return r
}

// conclusion of the Check Run of an incident that is not active.
func conclusion(s State) checkrun.Conclusion {
	switch s {
	case Recovered, Superseded:
		return checkrun.Success
	case Exhausted:
		return checkrun.Failure
	case InDoubt:
		return checkrun.ActionRequired
	default: // suppressed: not tried; healthy: given up, and well again without us
		return checkrun.Neutral
	}
}

func title(inc *store.Incident) string {
	name := workflowName(inc.WorkflowPath)
	if t := titleOf(inc); t != "" {
		return t
	}
	switch State(inc.State) {
	case Recovered:
		return name + " recovered"
	case Superseded:
		return name + " succeeded by itself"
	case Exhausted:
		return name + " not recovered: no step is left"
	case Suppressed:
		return name + " not recovered: held back"
	case InDoubt:
		return name + ": a person has to decide"
	case Healthy:
		return name + " works again"
	case Verifying:
		return name + ": waiting for evidence"
	default:
		return name + ": recovering"
	}
}

func buttonText(inc *store.Incident) string {
	if Signal(inc.Signal) == Disabled {
		return "Enable the workflow again"
	}
	switch State(inc.State) {
	case Exhausted:
		return "Try all steps again"
	case InDoubt:
		if inc.HeldBy == proofName {
			return "Recover now all the same"
		}
		return "Go on with the next step"
	default:
		return "Recover now all the same"
	}
}

func summary(inc *store.Incident, steps []store.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s.**\n\n", upper(checkrun.Escape(inc.Reason)))
	fmt.Fprintf(&b, "Incident %d: %s", inc.ID, occasion(inc))
	if inc.FailedJob != "" {
		fmt.Fprintf(&b, "Failed job: %s", checkrun.Code(inc.FailedJob))
		if inc.FailedStep != "" {
			fmt.Fprintf(&b, ", step %s", checkrun.Code(inc.FailedStep))
		}
		b.WriteString(".\n")
	}
	if inc.ErrorLine != "" {
		fmt.Fprintf(&b, "First error: %s\n", checkrun.Code(inc.ErrorLine))
	}
	if inc.Cause != "" {
		fmt.Fprintf(&b, "Cause: %s.\n", inc.Cause)
	}
	b.WriteString("\n| step | | state | what is known | since |\n|---|---|---|---|---|\n")
	for i := range steps {
		row(&b, &steps[i])
	}
	for _, what := range upcoming(inc, steps) {
		fmt.Fprintf(&b, "| %d | %s | next | | |\n", what.number, checkrun.Cell(what.name))
	}
	if State(inc.State) == Suppressed && inc.NotBefore != 0 {
		fmt.Fprintf(&b, "\nLooked at again at %s.\n", inc.NotBefore.Time().Format(timeFormat))
	}
	fmt.Fprintf(&b, "\nOpened %s, changed %s.\n", inc.OpenedAt.Time().Format(timeFormat), inc.UpdatedAt.Time().Format(timeFormat))
	return b.String()
}

func row(b *strings.Builder, st *store.Step) {
	if st.State == store.StepNotSent {
		return // nothing happened; the log has it
	}
	link := ""
	if st.URL != "" {
		link = fmt.Sprintf("[run](%s) ", st.URL)
	}
	since := max(st.IntentAt, st.StartedAt, st.DoneAt)
	reason := st.Reason
	if st.State == store.StepIntent {
		reason = "waiting for its outcome"
	}
	fmt.Fprintf(b, "| %d | %s | %s | %s%s | %s |\n", st.StepIndex+1, checkrun.Cell(describe(st.Kind, st.Target)),
		strings.ReplaceAll(string(st.State), "_", " "), link, tableText(reason), since.Time().Format(timeFormat))
}

// tableText is text in a table cell; "" stays empty.
func tableText(s string) string {
	if s == "" {
		return ""
	}
	return checkrun.Escape(strings.ReplaceAll(clip(s, 500), "|", "¦"))
}

type rungName struct {
	number int // from 1
	name   string
}

// upcoming names the rungs whose turn has not come in this round.
func upcoming(inc *store.Incident, steps []store.Step) []rungName {
	var flow config.Workflow
	if State(inc.State).Settled() || State(inc.State) == Exhausted || json.Unmarshal([]byte(inc.Ladder), &flow) != nil {
		return nil
	}
	from := inc.StepIndex
	for i := range steps {
		st := &steps[i]
		open := st.State == store.StepIntent || st.State == store.StepStarted || st.State == store.StepInDoubt
		if open && st.Round == inc.Round && st.StepIndex == from {
			from++
			break
		}
	}
	sc := &scope{inc: inc, flow: flow}
	var list []rungName
	for i := from; i < len(flow.Recover); i++ {
		if s, err := sc.rung(i); err == nil {
			list = append(list, rungName{i + 1, describe(s.kind(), s.target())})
		}
	}
	return list
}

// outputs shows what actions printed.
func outputs(steps []store.Step) string {
	var b strings.Builder
	for i := range steps {
		st := &steps[i]
		out, _ := evidenceOf(st.Evidence)["output"].(string)
		if st.Kind != kindRun || out == "" {
			continue
		}
		fmt.Fprintf(&b, "Output of %s (step %d):\n%s\n", checkrun.Code(st.Target), st.StepIndex+1, checkrun.Fence("text", out))
	}
	return b.String()
}

// upper makes the first letter of a clause the first of a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	first, n := utf8.DecodeRuneInString(s) // names of people can begin with any letter
	return string(unicode.ToUpper(first)) + s[n:]
}

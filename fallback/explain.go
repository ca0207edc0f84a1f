package fallback

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// Explain tells the story of an incident in plain sentences: what was seen, why
// it was believed, what was tried under which claim, what proves the end, what
// holds it, and what a person can do. Text of other people stands in it; who
// shows it escapes it. ok is false when there is no such incident.
func (e *Engine) Explain(ctx context.Context, id int64) (lines []string, ok bool, err error) {
	db := e.Store.Read()
	inc, ok, err := store.ReadIncident(ctx, db, id)
	if err != nil || !ok {
		return nil, ok, err
	}
	steps, err := e.Store.Steps(ctx, id)
	if err != nil {
		return nil, false, err
	}
	events, err := e.Store.Events(ctx, id)
	if err != nil {
		return nil, false, err
	}
	c, claimed, err := store.ReadClaim(ctx, db, inc.OccurrenceKey)
	if err != nil {
		return nil, false, err
	}
	paused, _, err := e.paused(ctx, db, inc.RepoID, inc.WorkflowPath)
	if err != nil {
		return nil, false, err
	}
	x := explainer{inc: &inc, steps: steps, events: events, now: e.now()}
	if claimed {
		if e.lapsed(c) { // written down when the next one asks
			c.State = store.ClaimInDoubt
		}
		x.claim = &c
	}
	if paused.ID != 0 {
		x.pause = &paused
	}
	return x.tell(), true, nil
}

// explainer is an incident with all that is told of it.
type explainer struct {
	inc    *store.Incident
	steps  []store.Step
	events []store.Event
	claim  *store.Claim
	pause  *store.Pause
	now    store.Millis
	lines  []string
}

func (x *explainer) say(format string, args ...any) {
	x.lines = append(x.lines, upper(fmt.Sprintf(format, args...)))
}

func (x *explainer) tell() []string {
	x.seen()
	x.believed()
	x.tried()
	x.late()
	x.stands()
	x.holds()
	x.next()
	return x.lines
}

func at(m store.Millis) string { return m.Time().Format(timeFormat) }

// seen says what gave it away, and how long that took.
func (x *explainer) seen() {
	inc, name := x.inc, workflowName(x.inc.WorkflowPath)
	switch Signal(inc.Signal) {
	case Missed:
		x.say("The schedule of %s (%s) was due at %s and no run had answered it by %s.", name, inc.TickCron, at(inc.TickAt), at(inc.OpenedAt))
	case Stalled:
		x.say("Run %d of %s, attempt %d, did not come forward: %s", inc.RunID, name, inc.RunAttempt, inc.RunURL)
	case Absent:
		x.say("The push of %s to %s had started no run of %s by %s.", short(inc.HeadSHA), inc.HeadBranch, name, at(inc.OpenedAt))
	case Disabled:
		x.say("The workflow %s was found switched off: GitHub has it as %s.", name, cmp.Or(inc.Conclusion, "disabled"))
	case Upstream:
		x.say("Many workflows that depend on %s got into trouble at the same time.", inc.WorkflowPath)
	default:
		x.say("Run %d of %s on %s concluded %s in attempt %d: %s", inc.RunID, name, inc.HeadBranch, inc.Conclusion, inc.RunAttempt, inc.RunURL)
	}
	if inc.BeganAt != 0 && inc.OpenedAt > inc.BeganAt {
		x.say("The trouble began at %s; it was noticed %s later.", at(inc.BeganAt), span(inc.OpenedAt-inc.BeganAt))
	}
	if inc.Depth > 0 {
		x.say("It is recovery number %d of a chain of recoveries that started each other.", inc.Depth+1)
	}
	if inc.UpstreamID != 0 {
		x.say("It is part of incident %d, which is about what many workflows depend on.", inc.UpstreamID)
	}
}

// believed says why it counts as failing.
func (x *explainer) believed() {
	inc := x.inc
	confirmed := ""
	for _, ev := range x.events {
		if State(ev.To) == Failing && State(ev.From) != Failing || State(ev.From) == Suspected && slices.Contains([]State{Exhausted, InDoubt}, State(ev.To)) {
			confirmed = fmt.Sprintf("It was believed at %s: %s.", at(ev.At), ev.Reason)
			break
		}
	}
	switch {
	case confirmed != "":
		x.say("%s", confirmed)
	case State(inc.State) == Suspected:
		x.say("It is not confirmed yet, so nothing is done about it.")
	default:
		x.say("It was never confirmed.")
	}
	if inc.Cause != "" {
		where := ""
		if inc.FailedJob != "" {
			where = " in job " + inc.FailedJob
		}
		if inc.FailedStep != "" {
			where += ", step " + inc.FailedStep
		}
		x.say("The failure%s is classified as %s.", where, inc.Cause)
	}
	if inc.ErrorLine != "" {
		x.say("The first line of the log that tells of an error: %s", inc.ErrorLine)
	}
	if inc.Loops > 0 {
		x.say("Right before this the same failure was recovered %s, and came back.", plural(inc.Loops, "time"))
	}
}

// tried lists what was done, with the claim's epoch.
func (x *explainer) tried() {
	for i := range x.steps {
		st := &x.steps[i]
		what := fmt.Sprintf("Step %d (%s)", st.StepIndex+1, describe(st.Kind, st.Target))
		if st.Round > 0 {
			what += fmt.Sprintf(", round %d", st.Round+1)
		}
		if st.Try > 1 {
			what += fmt.Sprintf(", try %d", st.Try)
		}
		reason := ""
		if st.Reason != "" {
			reason = ": " + st.Reason
		}
		if st.URL != "" {
			reason += " (" + st.URL + ")"
		}
		switch st.State {
		case store.StepSkipped:
			x.say("%s was passed over%s.", what, reason)
		case store.StepIntent:
			x.say("%s began at %s under epoch %d of the claim; its outcome is not known yet.", what, at(st.IntentAt), st.Epoch)
		case store.StepStarted:
			x.say("%s has acted under epoch %d of the claim%s; its evidence is awaited.", what, st.Epoch, reason)
		default:
			x.say("%s, begun at %s under epoch %d of the claim, %s%s.", what, at(st.IntentAt), st.Epoch, stepWords[st.State], reason)
		}
	}
	if len(x.steps) == 0 && x.inc.ConfirmedAt != 0 {
		x.say("No step has begun.")
	}
}

// stepWords say what became of a try.
var stepWords = map[store.StepState]string{
	store.StepSucceeded:  "succeeded",
	store.StepFailed:     "failed",
	store.StepNotDone:    "did not happen",
	store.StepNotSent:    "was not taken on",
	store.StepInDoubt:    "is in doubt",
	store.StepSuperseded: "was overtaken by the run itself",
}

// late says what became of a primary that came after all.
func (x *explainer) late() {
	switch x.inc.LatePrimary {
	case "":
	case latePrimarySkipped:
		x.say("%s, asked for the claim, and was told to skip its work.", lateRun(x.inc))
	case latePrimaryCancelled:
		x.say("%s and was cancelled before it had done anything.", lateRun(x.inc))
	case latePrimaryDuplicate:
		x.say("%s and had begun: the work may have been done twice.", lateRun(x.inc))
	default:
		x.say("%s: %s.", lateRun(x.inc), strings.ReplaceAll(x.inc.LatePrimary, "_", " "))
	}
}

// stands says how it ended, or where it is.
func (x *explainer) stands() {
	inc := x.inc
	switch s := State(inc.State); {
	case s.Settled():
		x.say("It ended as %s at %s: %s.", inc.State, at(inc.SettledAt), inc.Reason)
		if ev := evidenceOf(inc.Evidence); len(ev) > 0 {
			x.say("What proves it: %s.", evidenceText(ev))
		}
	default:
		x.say("It has been %s since %s: %s.", strings.ReplaceAll(inc.State, "_", " "), at(inc.UpdatedAt), inc.Reason)
	}
	if x.claim != nil {
		x.say("The claim of this work is %s, with epoch %d; its owner is %s.", strings.ReplaceAll(string(x.claim.State), "_", " "), x.claim.Epoch, x.claim.Owner)
	}
}

// holds says what keeps it from going on.
func (x *explainer) holds() {
	if State(x.inc.State).Settled() {
		return
	}
	if State(x.inc.State) == Suppressed && x.inc.HeldBy != "" && (x.inc.HeldBy != "pause" || x.pause == nil) {
		until := "until something changes"
		if x.inc.NotBefore != 0 {
			until = "until " + at(x.inc.NotBefore)
		}
		x.say("What holds it back: %s, %s.", x.inc.HeldBy, until)
	}
	if x.pause != nil {
		x.say("There is a pause: %s. Nothing new begins by itself meanwhile.", pauseText(x.pause))
	}
}

func (x *explainer) rungs() int {
	var flow config.Workflow
	if json.Unmarshal([]byte(x.inc.Ladder), &flow) != nil {
		return 0
	}
	return len(flow.Recover)
}

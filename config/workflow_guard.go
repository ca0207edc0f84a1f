package config

import (
	"strings"

	"github.com/rhysd/actionlint"
)

// guardAction is the action that asks for the claim of a run before it does
// its work. Copies of others are not taken for it: what they do is not known.
const guardAction = "redundancy-app/redundancy/guard"

// guarded says whether a workflow provably does nothing that the guard has not
// allowed: each job that waits for no other one begins with the guard, each
// further step of it runs only if the guard said so, and so does each job that
// comes after.
func guarded(w *actionlint.Workflow) bool {
	roots := 0
	for _, j := range w.Jobs {
		if j == nil || len(j.Needs) > 0 {
			continue
		}
		if !asksFirst(j) {
			return false
		}
		roots++
	}
	if roots == 0 {
		return false
	}
	known := map[*actionlint.Job]bool{}
	for _, j := range w.Jobs {
		if j != nil && len(j.Needs) > 0 && !asksFirst(j) && !passedOver(w, j, known) {
			return false
		}
	}
	return true
}

// asksFirst says whether the first step of a job is the guard, and the others
// heed its answer.
func asksFirst(j *actionlint.Job) bool {
	id := guardStep(j)
	if id == "" {
		return false
	}
	for _, s := range j.Steps[1:] {
		if s == nil || !onlyIf(s.If, "steps."+id+".outputs.proceed") {
			return false
		}
	}
	return true
}

// guardStep is the id of the guard that a job begins with, "" when it does not
// begin with one that is sure to ask for the claim of the run. In a
// container there may be no curl to ask with, and its services are started
// before any step.
func guardStep(j *actionlint.Job) string {
	if j.Container != nil || j.Services != nil || len(j.Steps) == 0 || j.Steps[0] == nil {
		return ""
	}
	s := j.Steps[0]
	a, ok := s.Exec.(*actionlint.ExecAction)
	if !ok || a.Uses == nil || !isGuard(a.Uses.Value) || s.ID == nil || s.If != nil || s.ContinueOnError != nil {
		return ""
	}
	if mode, given := a.Inputs["mode"]; given && valueOf(mode) != "primary" { // a fallback presents a claim, and takes none
		return ""
	}
	if _, own := a.Inputs["key"]; own || valueOf(a.Inputs["server"]) == "" || valueOf(a.Inputs["token"]) == "" {
		return ""
	}
	return strings.ToLower(s.ID.Value)
}

func valueOf(in *actionlint.Input) string {
	if in == nil || in.Value == nil {
		return ""
	}
	return in.Value.Value
}

// isGuard reads what a step uses: "redundancy-app/redundancy/guard@ref".
func isGuard(uses string) bool {
	at, ref, _ := strings.Cut(uses, "@")
	return ref != "" && strings.EqualFold(at, guardAction)
}

// passedOver says whether a job is passed over by GitHub when the guard says
// no: its condition is the answer, or a job that it waits for is passed
// over and nothing makes it run all the same. known are the answers so far;
// jobs that wait for one another never run, and prove nothing.
func passedOver(w *actionlint.Workflow, j *actionlint.Job, known map[*actionlint.Job]bool) (over bool) {
	if over, seen := known[j]; seen {
		return over
	}
	known[j] = false
	defer func() { known[j] = over }()
	for _, n := range j.Needs {
		if n == nil {
			continue
		}
		name := strings.ToLower(n.Value)
		needed := w.Jobs[name]
		if needed == nil {
			return false
		}
		for output := range answersOf(needed) {
			if onlyIf(j.If, "needs."+name+".outputs."+output) {
				return true
			}
		}
		if afterSuccess(j.If) && len(needed.Needs) > 0 && passedOver(w, needed, known) {
			return true
		}
	}
	return false
}

// answersOf are the outputs of a job that hand on the guard's answer.
func answersOf(j *actionlint.Job) map[string]bool {
	out := map[string]bool{}
	id := guardStep(j)
	for name, o := range j.Outputs {
		if id == "" || o == nil || o.Value == nil {
			continue
		}
		if inner, is := expression(o.Value.Value); is && isProperty(parse(inner), "steps."+id+".outputs.proceed") {
			out[strings.ToLower(name)] = true
		}
	}
	return out
}

package config

import (
	"strings"

	"github.com/rhysd/actionlint"
)

// The action that asks for the claim of a run before it does its work: the
// folder "guard" of a repository called "redundancy", whoever keeps the copy.
const (
	guardRepo   = "redundancy"
	guardFolder = "guard"
)

// guarded says whether nothing of a workflow runs before the guard: every job
// that waits for no other one begins with it. Whether the later steps heed its
// answer is for the workflow's author.
func guarded(w *actionlint.Workflow) bool {
	roots := 0
	for _, j := range w.Jobs {
		if j == nil || len(j.Needs) > 0 {
			continue
		}
		if len(j.Steps) == 0 || j.Steps[0] == nil {
			return false // a called workflow does its work as it likes
		}
		action, ok := j.Steps[0].Exec.(*actionlint.ExecAction)
		if !ok || action.Uses == nil || !isGuard(action.Uses.Value) || j.Steps[0].If != nil || asksAsFallback(action) {
			return false
		}
		roots++
	}
	return roots > 0
}

// isGuard reads what a step uses: "owner/redundancy/guard@ref".
func isGuard(uses string) bool {
	at, _, pinned := strings.Cut(uses, "@")
	parts := strings.Split(at, "/")
	return pinned && len(parts) == 3 && strings.EqualFold(parts[1], guardRepo) && parts[2] == guardFolder
}

// asksAsFallback: in that mode the guard presents a claim, and takes none.
func asksAsFallback(a *actionlint.ExecAction) bool {
	mode := a.Inputs["mode"]
	return mode != nil && mode.Value != nil && mode.Value.Value != "primary"
}

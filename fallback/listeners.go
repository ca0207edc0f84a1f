package fallback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
)

// maxKnownWorkflows bounds how many workflow files are remembered, by content:
// a few hundred bytes each.
const maxKnownWorkflows = 2000

// listeners are the workflows that an event starts, by path. GitHub starts
// those of the default branch.
type listeners struct {
	sure  []string // their trigger names the event
	maybe []string // too broken or too large to tell
}

func (l listeners) none() bool             { return len(l.sure)+len(l.maybe) == 0 }
func (l listeners) could(path string) bool { return slices.Contains(append(l.sure, l.maybe...), path) }
func (l listeners) note(doc map[string]any) {
	doc[evidenceListen], doc[evidenceMayListen] = l.sure, l.maybe
}

// without are the sure ones that are not among have.
func (l listeners) without(have []string) []string {
	return slices.DeleteFunc(slices.Clone(l.sure), func(p string) bool { return slices.Contains(have, p) })
}

// The keys of a step's evidence under which its listeners are kept.
const (
	evidenceListen    = "listening"
	evidenceMayListen = "may_listen"
)

// listenersOf takes them from a step's evidence; ok is false when the process
// died before it could write them.
func listenersOf(doc string) (l listeners, ok bool) {
	v := evidenceOf(doc)
	if _, ok = v[evidenceListen]; !ok {
		return l, false
	}
	return listeners{texts(v[evidenceListen]), texts(v[evidenceMayListen])}, true
}

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, t := range list {
		if s, ok := t.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// listening reads which workflows at the head of the default branch a
// repository_dispatch of a type starts. A file is read once per content.
func (e *Engine) listening(ctx context.Context, sc *scope, eventType string) (l listeners, branch string, err error) {
	if branch, err = e.defaultBranch(ctx, sc.client, sc.repo); err != nil {
		return l, "", err
	}
	ref, _, err := sc.client.Git.GetRef(ctx, sc.repo.Owner, sc.repo.Name, "heads/"+branch)
	if err != nil {
		return l, branch, fmt.Errorf("find head of %s: %w", branch, err)
	}
	files, err := githubapi.RelevantFiles(ctx, sc.client, sc.repo.Owner, sc.repo.Name, ref.GetObject().GetSHA())
	if err != nil {
		return l, branch, err
	}
	for _, f := range files {
		if _, err := config.WorkflowPath(f.Path); err != nil {
			continue // our own configuration
		}
		facts, err := e.facts(ctx, sc, f)
		switch {
		case err != nil:
			return l, branch, err
		case facts.ListensRepositoryDispatch(eventType):
			l.sure = append(l.sure, f.Path)
		case facts.Partial:
			l.maybe = append(l.maybe, f.Path)
		}
	}
	return l, branch, nil
}

// facts reads a workflow file. One that is above GitHub's own limit is as good
// as one that cannot be parsed.
func (e *Engine) facts(ctx context.Context, sc *scope, f githubapi.File) (config.WorkflowFacts, error) {
	if known, ok := e.workflows.Get(f.BlobSHA); ok {
		return known, nil
	}
	text, err := githubapi.Blob(ctx, sc.client, sc.repo.Owner, sc.repo.Name, f.BlobSHA, maxWorkflowFile)
	facts := config.WorkflowFacts{Partial: true}
	switch {
	case errors.Is(err, githubapi.ErrTooLarge):
	case err != nil:
		return facts, err
	case !bytes.Contains(text, []byte(kindRepositoryDispatch)):
		facts.Partial = false // nearly every workflow; parsing costs milliseconds
	default:
		facts, _ = config.ReadWorkflow(f.Path, text) // what can be read of a damaged file is enough
	}
	e.workflows.Add(f.BlobSHA, facts)
	return facts, nil
}

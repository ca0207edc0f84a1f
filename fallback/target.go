package fallback

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// target finds the watched workflow that a person means: by path, file name or
// name without its ending. Without a target, the only watched one, else the
// only one that has trouble. The answer is not nil when it cannot be one.
func (e *Engine) target(ctx context.Context, r queue.Recover) (config.Workflow, *Answer, error) {
	c, known, err := e.Configs.InForce(ctx, r.Repo.ID)
	if err == nil && !known {
		c, err = e.Configs.Load(ctx, r.Repo)
	}
	if err != nil {
		return config.Workflow{}, nil, err
	}
	var no Answer
	if len(c.Workflows) == 0 {
		no = refuse("This repository has no watched workflows. Declare them in %s.", config.RepositoryPath)
		return config.Workflow{}, &no, nil
	}
	found := matching(c.Workflows, r.Target)
	if strings.TrimSpace(r.Target) == "" && len(found) > 1 {
		if found, err = e.troubled(ctx, r.Repo.ID, found); err != nil {
			return config.Workflow{}, nil, err
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil, nil
	case strings.TrimSpace(r.Target) == "":
		no = refuse("Which workflow? Watched here: %s.", names(c.Workflows))
	case len(found) > 1:
		no = refuse("%s can mean more than one workflow. Say the file: %s.", quote(r.Target), files(found))
	default:
		no = refuse("No watched workflow is called %s. Did you mean %s?", quote(r.Target), nearest(c.Workflows, r.Target))
	}
	return config.Workflow{}, &no, nil
}

// matching are the workflows that a target can mean; all of them for "".
func matching(all []config.Workflow, target string) []config.Workflow {
	want := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(target), "./"))
	var found []config.Workflow
	for _, w := range all {
		file := strings.ToLower(w.File)
		switch want {
		case file, path.Base(file): // exact: no other can be meant
			return []config.Workflow{w}
		case "", workflowName(file):
			found = append(found, w)
		}
	}
	return found
}

// troubled are the workflows that have an incident that is not over.
func (e *Engine) troubled(ctx context.Context, repoID int64, all []config.Workflow) ([]config.Workflow, error) {
	open, err := store.Incidents(ctx, e.Store.Read(), store.IncidentFilter{RepoID: repoID, States: unsettled, Limit: 1000})
	if err != nil {
		return nil, err
	}
	trouble := slices.DeleteFunc(slices.Clone(all), func(w config.Workflow) bool {
		return !slices.ContainsFunc(open, func(inc store.Incident) bool { return inc.WorkflowPath == w.File })
	})
	if len(trouble) == 0 {
		return all, nil
	}
	return trouble, nil
}

// nearest names the three workflows whose names are most like target.
func nearest(all []config.Workflow, target string) string {
	want := workflowName(strings.ToLower(clip(target, maxName)))
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b config.Workflow) int {
		return cmp.Compare(levenshtein.ComputeDistance(want, workflowName(strings.ToLower(a.File))),
			levenshtein.ComputeDistance(want, workflowName(strings.ToLower(b.File))))
	})
	return names(sorted[:min(len(sorted), 3)])
}

func names(list []config.Workflow) string {
	return join(list, func(w config.Workflow) string { return workflowName(w.File) })
}

func files(list []config.Workflow) string {
	return join(list, func(w config.Workflow) string { return path.Base(w.File) })
}

func join(list []config.Workflow, name func(config.Workflow) string) string {
	out := make([]string, 0, len(list))
	for _, w := range list[:min(len(list), 20)] {
		out = append(out, name(w))
	}
	return strings.Join(out, ", ")
}

// quote shows a word that a person typed. Who puts the message into a comment
// escapes it.
func quote(s string) string { return "“" + clip(strings.TrimSpace(s), 60) + "”" }

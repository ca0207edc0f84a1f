package repoconfig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/config/strict"
	"github.com/redundancy-app/redundancy/githubapi"
)

const (
	// generation is part of every fingerprint: raise it when parsing or
	// checking changes its mind about the same files, so that what is stored
	// is looked at again.
	generation = 2
	// maxWorkflow is the largest workflow that is read, in bytes. GitHub's own
	// limit is not documented; real ones have a few kB.
	maxWorkflow = 512 << 10
	// maxWorkflows bounds the workflows that are read for one configuration.
	// About the others nothing is claimed.
	maxWorkflows = 300
)

// candidate is a configuration file that was found.
type candidate struct {
	Version
	from *tree          // holds the file
	file githubapi.File // zero for None
	repo *tree          // whose workflows it is about
}

// find looks at the places in their order.
func (l *Loader) find(ctx context.Context, repo *tree) (candidate, error) {
	if f, ok := repo.files[config.RepositoryPath]; ok {
		return found(Own, repo, f, repo), nil
	}
	owner, err := l.ownerDefault(ctx, repo)
	if err != nil {
		return candidate{}, err
	}
	if owner != nil {
		if f, ok := owner.files[config.RepositoryPath]; ok {
			return found(Owner, owner, f, repo), nil
		}
	}
	if f, ok := repo.files[config.OriginalPath]; ok {
		return found(Original, repo, f, repo), nil
	}
	return candidate{Version: Version{Source: None}, repo: repo}, nil
}

func found(s Source, from *tree, f githubapi.File, repo *tree) candidate {
	return candidate{Version: Version{Source: s, Path: f.Path, Commit: from.head, BlobSHA: f.BlobSHA}, from: from, file: f, repo: repo}
}

// fingerprint names everything that the findings depend on.
func (c candidate) fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", c.Source, c.Path, c.BlobSHA)
	for _, p := range slices.Sorted(maps.Keys(c.repo.files)) {
		if isWorkflow(p) {
			fmt.Fprintf(h, "%s\x00%s\x00", p, c.repo.files[p].BlobSHA)
		}
	}
	return stamped(hex.EncodeToString(h.Sum(nil)))
}

func isWorkflow(p string) bool { return path.Dir(p) == config.WorkflowsDir }

// evaluation is what a candidate says.
type evaluation struct {
	content  []byte
	config   config.Repository
	findings []config.Finding
}

// evaluate reads and checks a candidate. content is the file when it is known
// already. An error means that something could not be read.
func (l *Loader) evaluate(ctx context.Context, c candidate, content []byte) (evaluation, error) {
	if c.Source == None {
		return evaluation{}, nil
	}
	if content == nil {
		var err error
		content, err = c.from.read(ctx, c.file, config.MaxSize)
		if errors.Is(err, githubapi.ErrTooLarge) {
			return evaluation{findings: []config.Finding{{
				File: c.Path, Line: 1, Column: 1, Rule: strict.RuleLimit, Severity: config.Error,
				Message: fmt.Sprintf("the file is larger than %d bytes and is not read", config.MaxSize),
			}}}, nil
		}
		if err != nil {
			return evaluation{}, err
		}
	}
	e := evaluation{content: content}
	if c.Source == Original {
		e.config, e.findings = config.ParseOriginal(c.Path, content)
	} else {
		e.config, e.findings = config.ParseRepository(c.Path, content)
	}
	if config.HasErrors(e.findings) {
		return e, nil
	}
	workflows, err := l.workflows(ctx, c.repo, e.config)
	if err != nil {
		return evaluation{}, err
	}
	references := config.CheckReferences(c.Path, content, e.config, workflows)
	if c.Source != Own {
		e.config.Workflows = present(e.config.Workflows, workflows)
		references = relax(references)
	}
	e.findings = append(e.findings, references...)
	return e, nil
}

// present leaves out what a shared configuration says about workflows that
// this repository does not have. In a repository's own file that is an error.
func present(watched []config.Workflow, workflows map[string]config.WorkflowFacts) []config.Workflow {
	return slices.DeleteFunc(watched, func(w config.Workflow) bool {
		_, ok := workflows[w.File]
		return !ok
	})
}

// relax makes warnings of errors: a configuration that was not written for
// this repository alone need not fit it everywhere.
func relax(findings []config.Finding) []config.Finding {
	for i := range findings {
		if findings[i].Severity == config.Error {
			findings[i].Severity = config.Warning
		}
	}
	return findings
}

// workflows reads the facts that r's references depend on. Every workflow file
// is in the result; one that was not needed or not readable is Partial.
func (l *Loader) workflows(ctx context.Context, t *tree, r config.Repository) (map[string]config.WorkflowFacts, error) {
	needed, all := references(r)
	out := map[string]config.WorkflowFacts{}
	read := 0
	for _, p := range slices.Sorted(maps.Keys(t.files)) {
		if !isWorkflow(p) {
			continue
		}
		if !all && !needed[p] || read >= maxWorkflows {
			out[p] = config.WorkflowFacts{Partial: true}
			continue
		}
		read++
		facts, err := l.facts(ctx, t, t.files[p])
		if err != nil {
			return nil, err
		}
		out[p] = facts
	}
	return out, nil
}

// references names the workflows that r mentions; all is true when it sends an
// event that any workflow may listen to.
func references(r config.Repository) (needed map[string]bool, all bool) {
	needed = map[string]bool{}
	for _, w := range r.Workflows {
		needed[w.File] = true
		for _, s := range w.Recover {
			if s.Dispatch != nil {
				needed[s.Dispatch.Workflow] = true
			}
			all = all || s.RepositoryDispatch != nil
		}
	}
	return needed, all
}

// facts are kept by blob: content under a name never changes.
func (l *Loader) facts(ctx context.Context, t *tree, f githubapi.File) (config.WorkflowFacts, error) {
	if facts, ok := l.read.Get(f.BlobSHA); ok {
		return facts, nil
	}
	data, err := t.read(ctx, f, maxWorkflow)
	if errors.Is(err, githubapi.ErrTooLarge) {
		return config.WorkflowFacts{Partial: true}, nil
	}
	if err != nil {
		return config.WorkflowFacts{}, err
	}
	// What is wrong with a workflow is for "redundancy / validate" to say.
	facts, _ := config.ReadWorkflow(f.Path, data)
	l.read.Add(f.BlobSHA, facts)
	return facts, nil
}

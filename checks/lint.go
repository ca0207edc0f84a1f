package checks

import (
	"path"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/redundancy-app/redundancy/checks/rules"
	"github.com/redundancy-app/redundancy/config"
)

// File is a file of a working tree or a commit.
type File struct {
	Path    string // relative to the root, with slashes
	Content []byte
}

// Relevant is true for the paths that Lint looks at.
func Relevant(p string) bool {
	return isWorkflow(p) || p == config.RepositoryPath || p == config.OriginalPath
}

// Lint validates files: the workflows, .github/redundancy.yml, and without
// that one automation/redundancy-config.json. Other files are left out. It is
// pure: the same files give the same report.
func Lint(files []File) Report { return lint(files, nil) }

func lint(files []File, inForce *Effective) Report {
	all := make([]file, 0, len(files))
	for _, f := range files {
		p := strings.TrimPrefix(path.Clean("/"+f.Path), "/")
		if Relevant(p) {
			all = append(all, file{path: p, content: f.Content})
		}
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range all {
		f := &all[i]
		if len(f.content) > rules.MaxFile {
			f.tooLarge, f.content = len(f.content), nil
		} else if isWorkflow(f.path) {
			group.Go(func() error {
				f.analysis = analyse(f.content)
				return nil
			})
		}
	}
	_ = group.Wait() // analyse has no errors
	return assemble(all, inForce)
}

// analysis is what the content of a workflow file says, wherever it stands. It
// is stored: a change of its form needs a new [rules.Version].
type analysis struct {
	Findings []config.Finding     `json:"findings,omitempty"`
	Facts    config.WorkflowFacts `json:"facts"`
}

func analyse(content []byte) analysis {
	found, facts := rules.Workflow(content)
	return analysis{Findings: found, Facts: facts}
}

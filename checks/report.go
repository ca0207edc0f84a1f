package checks

import (
	"maps"
	"path"
	"slices"

	"github.com/redundancy-app/redundancy/checks/rules"
	"github.com/redundancy-app/redundancy/config"
)

// MaxFindings of one report; the rest is counted in Dropped. It bounds memory
// when a repository is hostile: 1,000 files with 250 findings each.
const MaxFindings = 10_000

// Source says where the configuration comes from under which a commit is judged.
type Source string

// The sources, named as in repoconfig. A repository with none of them is given advice.
const (
	SourceNone     Source = "none"
	SourceOwn      Source = "own"      // .github/redundancy.yml
	SourceOwner    Source = "owner"    // the same file in the owner's repository ".github"
	SourceOriginal Source = "original" // automation/redundancy-config.json
)

// Effective is a configuration in force.
type Effective struct {
	Repository config.Repository
	Source     Source
	Path       string
	Commit     string // where it was read
}

// Report is what is wrong with a commit's files.
type Report struct {
	Findings []config.Finding // by file, line and column
	Files    []FileReport     // all that were checked, by path
	// Source of the configuration that the commit is judged under.
	Source Source
	// Config is the path of the commit's own configuration, "" without one.
	Config string
	// Broken says that Config has errors, so that it does not take effect.
	Broken bool
	// InForce is the configuration that counts while Config is broken, nil
	// when none is known.
	InForce *Effective
	// Ignored findings were switched off by the configuration.
	Ignored int
	// Dropped findings were beyond MaxFindings.
	Dropped int
	// Unchecked are the paths of workflow files for which there was no time.
	Unchecked []string

	workflows map[string]config.WorkflowFacts
}

// FileReport counts the findings of a file.
type FileReport struct {
	Path                      string
	Errors, Warnings, Notices int
}

// Workflows is the number of workflow files.
func (r Report) Workflows() int { return len(r.workflows) }

// Totals adds the files up.
func (r Report) Totals() (errors, warnings, notices int) {
	for _, f := range r.Files {
		errors, warnings, notices = errors+f.Errors, warnings+f.Warnings, notices+f.Notices
	}
	return errors, warnings, notices
}

// file is a file of the commit with what is known about its content.
type file struct {
	path     string
	analysis analysis
	content  []byte // of a configuration
	tooLarge int    // its size in bytes, when it was not read for that

	unchecked bool // there was no time for it
}

// isWorkflow is true for the files that GitHub reads as workflows.
func isWorkflow(p string) bool {
	ext := path.Ext(p)
	return path.Dir(p) == config.WorkflowsDir && (ext == ".yml" || ext == ".yaml")
}

// assemble puts the report of a commit together. inForce may be nil.
func assemble(files []file, inForce *Effective) Report {
	r := Report{Source: SourceNone, workflows: map[string]config.WorkflowFacts{}}
	byPath := map[string]file{}
	for _, f := range files {
		byPath[f.path] = f
		if isWorkflow(f.path) {
			r.workflows[f.path] = f.analysis.Facts
			if f.tooLarge > 0 || f.unchecked {
				r.workflows[f.path] = config.WorkflowFacts{Partial: true}
			}
			if f.unchecked {
				r.Unchecked = append(r.Unchecked, f.path)
			}
		}
	}
	slices.Sort(r.Unchecked)
	ignore := r.configuration(byPath, inForce)
	for _, p := range slices.Sorted(maps.Keys(byPath)) {
		r.add(byPath[p], ignore)
	}
	rules.Sort(r.Findings)
	return r
}

// add counts and keeps what was found in a file. Findings in r already are
// those of the configuration.
func (r *Report) add(f file, ignore ignoring) {
	out := FileReport{Path: f.path}
	var found []config.Finding
	switch {
	case !isWorkflow(f.path):
		if f.path != r.Config {
			return // automation/redundancy-config.json beside a .github/redundancy.yml counts for nothing
		}
		for _, c := range r.Findings {
			out.count(c.Severity)
		}
	case f.unchecked:
		if f.path == r.Unchecked[0] { // one notice for all of them
			found = []config.Finding{noTime(r.Unchecked)}
		}
	case f.tooLarge > 0:
		found = []config.Finding{rules.TooLarge(f.tooLarge)}
	default:
		found = f.analysis.Findings
	}
	for _, c := range found {
		if c.Rule != NotChecked && ignore.covers(f.path, c) {
			r.Ignored++
			continue
		}
		out.count(c.Severity)
		if len(r.Findings) >= MaxFindings {
			r.Dropped++
			continue
		}
		c.File = f.path
		r.Findings = append(r.Findings, c)
	}
	r.Files = append(r.Files, out)
}

func (f *FileReport) count(s config.Severity) {
	switch s {
	case config.Error:
		f.Errors++
	case config.Warning:
		f.Warnings++
	default:
		f.Notices++
	}
}

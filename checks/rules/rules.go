package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rhysd/actionlint"

	"github.com/redundancy-app/redundancy/config"
)

const (
	// MaxFile is the size in bytes up to which GitHub runs a workflow file
	// ("workflow file size: 500 KB", its limits page). Larger ones are not read.
	MaxFile = 500 * 1000
	// MaxFindings of one file; the rest is counted. A file with more has one
	// mistake that repeats, and a hostile one would fill the memory.
	MaxFindings = 250
	// maxMessage is in characters. actionlint lists all the values that would
	// be right, which for some keys takes 700.
	maxMessage = 1000
)

// Version is part of the key under which findings are cached. Raise it when
// the findings of unchanged files change. The part after the slash is
// actionlint's version, held to go.mod by a test.
const Version = "2/v1.7.12"

// Rules of findings that say why a file was not checked.
const (
	Internal   = "internal"    // the checker failed
	TooComplex = "too-complex" // checking it would take too long
)

// rule improves on the findings of one file: it adds its own, and replaces
// those that only describe a consequence of what it found.
type rule func(src source, found []config.Finding) []config.Finding

// source is a workflow file as the rules see it.
type source struct {
	content  []byte
	workflow *actionlint.Workflow // nil when the content is no YAML
}

// on lists the triggers.
func (s source) on() []actionlint.Event {
	if s.workflow == nil {
		return nil
	}
	return s.workflow.On
}

// all rules, in the order in which they run: conflict markers come before the
// search for the place of a syntax error that they cause.
var all = []rule{conflictMarkers, yamlSyntax, trueKey, underscoreKey, runnerLabel, cronInterval}

// Workflow finds what is wrong with the content of a workflow file, in the
// order of lines, and what the file says about how it is started. The findings
// have no File. It never panics and is safe for concurrent use; hostile content
// costs seconds at most. A defect of a checker becomes the one finding of rule
// [Internal].
func Workflow(content []byte) (found []config.Finding, facts config.WorkflowFacts) {
	defer func() {
		if r := recover(); r != nil {
			facts = config.WorkflowFacts{Partial: true}
			found = tidy([]config.Finding{{
				Rule: Internal, Severity: config.Warning,
				Message: fmt.Sprintf("this file could not be checked: the checker stopped with %q. That is a defect of the checker, not of the file", fmt.Sprint(r)),
			}})
		}
	}()
	if len(content) > MaxFile {
		return []config.Finding{TooLarge(len(content))}, config.WorkflowFacts{Partial: true}
	}
	if f, bad := tooComplex(content); bad {
		return []config.Finding{f}, config.WorkflowFacts{Partial: true}
	}
	found, w := actionlintFindings(content)
	syntax := slices.ContainsFunc(found, func(f config.Finding) bool { return f.Rule == "syntax-check" })
	facts = config.FactsOf(w, syntax)
	for _, r := range all {
		found = r(source{content, w}, found)
	}
	return tidy(found), facts
}

// TooLarge is the finding for a file of size bytes, more than [MaxFile].
func TooLarge(size int) config.Finding {
	return config.Finding{
		Line: 1, Column: 1, Rule: "file-size", Severity: config.Error,
		Message: fmt.Sprintf("the file has %d bytes. GitHub runs workflow files of up to %d KB", size, MaxFile/1000),
		Fix:     "move scripts into files of their own, or jobs into reusable workflows",
	}
}

// Sort orders findings by file, line, column, rule and message.
func Sort(found []config.Finding) {
	slices.SortStableFunc(found, func(a, b config.Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
}

// tidy sorts, bounds and makes valid what was found.
func tidy(found []config.Finding) []config.Finding {
	for i := range found {
		f := &found[i]
		f.Line, f.Column = max(f.Line, 1), max(f.Column, 1)
		f.Message = strings.ToValidUTF8(f.Message, "\ufffd")
		if utf8.RuneCountInString(f.Message) > maxMessage {
			f.Message = string([]rune(f.Message)[:maxMessage-1]) + "…"
		}
		f.Message = strings.Clone(f.Message) // may be a slice of the whole file
	}
	Sort(found)
	found = slices.Compact(found)
	if more := len(found) - (MaxFindings - 1); more > 1 {
		last := config.Finding{
			Line: found[MaxFindings-1].Line, Column: 1, Rule: "too-many", Severity: worst(found[MaxFindings-1:]),
			Message: fmt.Sprintf("%d more problems from here on are not listed", more),
		}
		found = append(slices.Clone(found[:MaxFindings-1]), last)
	}
	return found
}

func worst(found []config.Finding) config.Severity {
	w := config.Notice
	for _, f := range found {
		if f.Severity == config.Error {
			return config.Error
		}
		if f.Severity == config.Warning {
			w = config.Warning
		}
	}
	return w
}

package checks

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
)

// maxSuggested bounds the workflows of a suggestion.
const maxSuggested = 40

// fallbackNames end the names of workflows that are written to stand in for
// another: "marketing-sync-fallback.yml" for "marketing-sync.yml".
var fallbackNames = []string{"-fallback", "-backup", "-redundancy", "-redundant"}

// Suggestion is a configuration made from the workflows of the commit: the
// scheduled ones are watched, those that fail for want of a runner or a network
// are run again, and a workflow that is named as their fallback is dispatched.
// It has no findings when it is parsed and its references are checked.
func (r Report) Suggestion() string {
	var b strings.Builder
	b.WriteString("version: 1\n")
	var scheduled []string
	more := 0
	for _, p := range slices.Sorted(maps.Keys(r.workflows)) {
		f := r.workflows[p]
		switch {
		case !f.Triggers["schedule"] || f.Partial:
		case len(scheduled) == maxSuggested:
			more++
		case suggestible(p, f):
			scheduled = append(scheduled, p)
		}
	}
	if len(scheduled) == 0 {
		b.WriteString("# No scheduled workflow was found to watch. Name one like this:\n" +
			"#   - file: nightly.yml\n#     recover:\n#       - rerun: {attempts: 1, when: [infrastructure]}\nworkflows: []\n")
		return b.String()
	}
	b.WriteString("workflows:\n")
	for _, p := range scheduled {
		r.suggest(&b, p)
	}
	if more > 0 {
		fmt.Fprintf(&b, "  # and %d more scheduled workflows\n", more)
	}
	return b.String()
}

func (r Report) suggest(b *strings.Builder, p string) {
	f := r.workflows[p]
	specs := make([]string, 0, len(f.Crons))
	for _, c := range f.Crons {
		specs = append(specs, c.Spec)
	}
	name := f.Name
	if name == "" {
		name = path.Base(p)
	}
	fmt.Fprintf(b, "  # %s, scheduled at %s\n", comment(name), comment(strings.Join(specs, " and ")))
	fmt.Fprintf(b, "  - file: %s\n", scalar(path.Base(p)))
	b.WriteString("    effect: at_most_once # what a second execution would do; idempotent or guarded allow more\n")
	b.WriteString("    recover:\n      - rerun: {attempts: 1, when: [infrastructure]}\n")
	if fallback, ok := r.fallback(p); ok {
		fmt.Fprintf(b, "      - dispatch: {workflow: %s}\n", scalar(path.Base(fallback)))
	}
}

// fallback finds a workflow that is named as the stand-in of p and can be
// dispatched without inputs.
func (r Report) fallback(p string) (string, bool) {
	base := strings.TrimSuffix(p, path.Ext(p))
	for _, suffix := range fallbackNames {
		for _, ext := range []string{".yml", ".yaml"} {
			f, ok := r.workflows[base+suffix+ext]
			if ok && f.Dispatchable() && !needsInputs(f) {
				return base + suffix + ext, true
			}
		}
	}
	return "", false
}

func needsInputs(f config.WorkflowFacts) bool {
	for _, in := range f.DispatchInputs {
		if in.Required && !in.HasDefault {
			return true
		}
	}
	return false
}

// suggestible leaves out schedules that the check of references would warn of,
// and names that the parser refuses.
func suggestible(p string, f config.WorkflowFacts) bool {
	if _, err := config.WorkflowPath(path.Base(p)); err != nil {
		return false
	}
	r := config.Repository{Version: 1, Workflows: []config.Workflow{{File: p}}}
	return len(config.CheckReferences(config.RepositoryPath, []byte("version: 1\n"), r, map[string]config.WorkflowFacts{p: f})) == 0
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// scalar writes a file name as a YAML scalar.
func scalar(s string) string {
	if plainName.MatchString(s) {
		return s
	}
	return strconv.QuoteToASCII(s) // YAML's double-quoted form reads these escapes
}

// comment makes text of a repository safe in a YAML comment.
func comment(s string) string {
	s = strings.Join(strings.Fields(checkrun.Clean(s)), " ")
	if r := []rune(s); len(r) > 80 {
		s = string(r[:79]) + "…"
	}
	return s
}

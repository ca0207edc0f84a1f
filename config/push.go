package config

import (
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
)

// Push is what a workflow's trigger "push" is limited to. Where nothing is
// named, every push to a branch starts the workflow.
type Push struct {
	Branches       []string `json:"branches,omitempty"` // patterns; the last one that matches decides
	BranchesIgnore []string `json:"branches_ignore,omitempty"`
	// Tags says that tags are named: without branches, only those start it.
	Tags bool `json:"tags,omitempty"`
	// Paths says that the pushed files matter.
	Paths bool `json:"paths,omitempty"`
}

func pushOf(e *actionlint.WebhookEvent) *Push {
	return &Push{
		Branches: patternsOf(e.Branches), BranchesIgnore: patternsOf(e.BranchesIgnore),
		Tags: !e.Tags.IsEmpty() || !e.TagsIgnore.IsEmpty(), Paths: !e.Paths.IsEmpty() || !e.PathsIgnore.IsEmpty(),
	}
}

func patternsOf(f *actionlint.WebhookEventFilter) []string {
	if f.IsEmpty() {
		return nil
	}
	var all []string
	for _, v := range f.Values {
		if v != nil {
			all = append(all, v.Value)
		}
	}
	return all
}

// StartedByPush says whether every push to a branch starts the workflow, as
// far as its file says; false when that depends on the pushed files, or is not
// certain.
func (f WorkflowFacts) StartedByPush(branch string) bool {
	p := f.Push
	if p == nil || f.Partial || p.Paths {
		return false
	}
	if len(p.Branches) == 0 && len(p.BranchesIgnore) == 0 {
		return !p.Tags
	}
	if len(p.BranchesIgnore) > 0 {
		for _, pattern := range p.BranchesIgnore {
			if match, sure := matchRef(pattern, branch); match || !sure {
				return false
			}
		}
		return len(p.Branches) == 0 // GitHub takes only one of the two
	}
	starts := false
	for _, pattern := range p.Branches {
		positive, negated := strings.CutPrefix(pattern, "!")
		match, sure := matchRef(positive, branch)
		if !sure {
			return false
		}
		if match {
			starts = !negated
		}
	}
	return starts
}

// matchRef says whether a filter pattern covers the name of a branch; sure is
// false for a pattern that is not understood. The syntax is GitHub's ("Workflow
// syntax", filter pattern cheat sheet): * any but "/", ** any, ? none or one of
// the character before, + one or more of it, [] one of a set, \ the next one as
// it stands.
func matchRef(pattern, branch string) (match, sure bool) {
	if len(pattern) > maxPattern {
		return false, false
	}
	re, err := regexp.Compile(refRegexp(pattern))
	if err != nil {
		return false, false
	}
	return re.MatchString(branch), true
}

func refRegexp(pattern string) string {
	var b strings.Builder
	b.WriteString(`\A(?:`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			if strings.HasPrefix(pattern[i:], "**") {
				b.WriteString(`.*`)
				i++
			} else {
				b.WriteString(`[^/]*`)
			}
		case '?', '+':
			b.WriteByte(c)
		case '[':
			end := strings.IndexByte(pattern[i:], ']')
			if end < 0 {
				return `(` // no pattern
			}
			b.WriteString(`[` + strings.NewReplacer(`\`, `\\`, `^`, `\^`, `[`, `\[`).Replace(pattern[i+1:i+end]) + `]`)
			i += end
		case '\\':
			if i++; i == len(pattern) {
				return `(`
			}
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(quoteByte(c))
		}
	}
	b.WriteString(`)\z`)
	return b.String()
}

// quoteByte keeps the bytes of a character of several together.
func quoteByte(c byte) string {
	if c >= 0x80 {
		return string([]byte{c})
	}
	return regexp.QuoteMeta(string(rune(c)))
}

package comment

import (
	"iter"
	"regexp"
	"strings"
)

// fenceLine opens or closes a code block, also as an item of a list.
var fenceLine = regexp.MustCompile("^[ \t]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\r\n]*)$")

// maxBreaks bounds how often lines without a blank one between them are read
// again after HTML that went over several of them: the cost is the product.
const maxBreaks = 5

// written yields the lines that the author wrote as text: what Markdown shows
// as a quote or as code, or hides in an HTML comment, is somebody's example or
// a template's, not a wish. In doubt a line counts as not written, because a
// command that is ignored can be written again.
func written(body string) iter.Seq[string] {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body), "\n")
	return func(yield func(string) bool) {
		var (
			code   fenced
			until  string // what ends the open HTML
			quoted bool   // a quote's paragraph goes on until a blank line
			b      block  // where inline code is looked for
			breaks int    // how often HTML has interrupted the lines since the last blank one
		)
		for i, line := range lines {
			if strings.TrimSpace(line) == "" {
				breaks = 0
			}
			if until != "" {
				if until = openHTML(line, until); until == "" {
					b = block{} // inline code does not go on across it
					breaks++
				}
				continue
			}
			if code.covers(line) {
				quoted = false
				continue
			}
			trimmed := strings.TrimLeft(line, " \t")
			switch {
			case strings.TrimSpace(line) == "":
				quoted = false
				continue
			case strings.HasPrefix(trimmed, ">"):
				quoted = strings.Trim(trimmed, "> \t") != ""
				continue
			}
			if breaks > maxBreaks {
				continue
			}
			if i >= b.end {
				b = blockAt(lines, i)
			}
			if until = openHTML(b.text(i), ""); until != "" || quoted || b.inCode(i) {
				continue
			}
			if !yield(line) {
				return
			}
		}
	}
}

// fenced is the fence of the code block that is open, "" for none.
type fenced string

// covers says whether a line is a fence or in a code block.
func (f *fenced) covers(line string) bool {
	m, open := fenceLine.FindStringSubmatch(line), string(*f)
	switch {
	case m != nil && open == "" && opensFence(m):
		*f = fenced(m[1])
		return true
	case m != nil && open != "" && m[1][0] == open[0] && len(m[1]) >= len(open) && strings.TrimSpace(m[2]) == "":
		*f = ""
		return true
	}
	return open != ""
}

// opensFence says whether a line that looks like a fence opens a code block:
// with backticks after it, it is inline code.
func opensFence(m []string) bool {
	return m[1][0] == '~' || !strings.Contains(m[2], "`")
}

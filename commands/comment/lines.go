package comment

import (
	"iter"
	"regexp"
	"strings"
)

var (
	// fenceLine opens or closes a code block, also as an item of a list.
	fenceLine = regexp.MustCompile("^[ \t]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\r\n]*)$")
	// htmlCode opens an HTML block whose content is shown as it is.
	htmlCode = regexp.MustCompile(`(?i)^ {0,3}<(pre|script|style|textarea)(?:[\s>]|$)`)
)

// written yields the lines that the author wrote as text: what Markdown shows
// as a quote or as code, or hides in an HTML comment, is somebody's example or
// a template's, not a wish. In doubt a line counts as not written, because a
// command that is ignored can be written again.
func written(body string) iter.Seq[string] {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	return func(yield func(string) bool) {
		var fence, until string // the open code block's fence; what ends the open HTML block
		quoted := false         // a quote's paragraph goes on until a blank line
		for line := range strings.SplitSeq(body, "\n") {
			if until != "" {
				if strings.Contains(lower(line), until) {
					until = ""
				}
				continue
			}
			if m := fenceLine.FindStringSubmatch(line); m != nil {
				switch {
				case fence == "" && (m[1][0] == '~' || !strings.Contains(m[2], "`")):
					fence, quoted = m[1], false
					continue
				case fence != "" && m[1][0] == fence[0] && len(m[1]) >= len(fence) && strings.TrimSpace(m[2]) == "":
					fence = ""
					continue
				}
			}
			if fence != "" {
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
			if until = opensHTML(line); until != "" {
				continue
			}
			if !quoted && !yield(line) {
				return
			}
		}
	}
}

// opensHTML gives what ends the HTML comment or code that line leaves open.
func opensHTML(line string) string {
	if at := strings.LastIndex(line, "<!--"); at >= 0 && !strings.Contains(line[at:], "-->") {
		return "-->"
	}
	if m := htmlCode.FindStringSubmatch(line); m != nil {
		if end := "</" + strings.ToLower(m[1]); !strings.Contains(lower(line), end) {
			return end
		}
	}
	return ""
}

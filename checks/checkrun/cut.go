package checkrun

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// cutWindow is how many characters Cut gives up at most to end on a whole line.
const cutWindow = 2000

// Cut shortens Markdown to limit characters. What is cut is said at the end;
// code blocks and <details> that were open there are closed, so that the note
// is not swallowed by them.
func Cut(markdown string, limit int) string {
	total := utf8.RuneCountInString(markdown)
	if total <= limit {
		return markdown
	}
	keep := limit
	for {
		head := headRunes(markdown, keep)
		if i := strings.LastIndexByte(head, '\n'); i >= 0 && utf8.RuneCountInString(head[i:]) <= min(cutWindow, keep/2) {
			head = head[:i]
		}
		kept := utf8.RuneCountInString(head)
		out := head + closers(head) + fmt.Sprintf("\n\n_Cut here: %d more characters do not fit._", total-kept)
		over := utf8.RuneCountInString(out) - limit
		if over <= 0 {
			return out
		}
		if over >= keep { // the note alone does not fit
			return headRunes(markdown, limit)
		}
		keep = min(keep, kept+1) - over
	}
}

// cutLine shortens plain text to limit characters, marked by an ellipsis.
func cutLine(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return headRunes(s, limit-1) + "…"
}

// cutBytes shortens plain text to limit bytes on a character boundary, and says so.
func cutBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	note := fmt.Sprintf("\n… cut, %d bytes in all", len(s))
	end := limit - len(note)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + note
}

func headRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

var (
	fenceLine   = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")
	detailsOpen = regexp.MustCompile(`(?i)<(/?)details\b`)
)

// closers ends the blocks that are open at the end of markdown.
func closers(markdown string) string {
	fence, details := "", 0
	for line := range strings.SplitSeq(markdown, "\n") {
		m := fenceLine.FindStringSubmatch(line)
		switch {
		case fence == "" && m != nil:
			fence = m[1]
		case fence == "":
			for _, d := range detailsOpen.FindAllStringSubmatch(line, -1) {
				if d[1] == "" {
					details++
				} else if details > 0 {
					details--
				}
			}
		case m != nil && m[1][0] == fence[0] && len(m[1]) >= len(fence) && strings.TrimSpace(m[2]) == "":
			fence = ""
		}
	}
	var b strings.Builder
	if fence != "" {
		b.WriteString("\n" + fence)
	}
	for range details {
		b.WriteString("\n</details>")
	}
	return b.String()
}

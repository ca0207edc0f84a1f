package comment

import (
	"strings"
	"unicode"
)

// maxCode is the longest text that Code shows, in bytes.
const maxCode = 200

// Code shows text from outside as inline code: GitHub notifies nobody, links
// nothing and renders no HTML or Markdown in there. What could end the code,
// break a table or reorder the line is replaced.
func Code(s string) string {
	short := cut(s, maxCode)
	safe := strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '\''
		case r == '|':
			return '¦' // code does not protect it in a table
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // controls, bidirectional marks, zero width
			return '�'
		}
		return r
	}, strings.ToValidUTF8(short, "�"))
	safe = strings.TrimSpace(safe)
	if len(short) < len(s) {
		safe += "…"
	}
	if safe == "" {
		return "` `"
	}
	return "`" + safe + "`"
}

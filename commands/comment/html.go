package comment

import (
	"regexp"
	"strings"
)

// htmlOpens opens what hides text or shows it as it is: a comment, an element
// for code, the value of an attribute that goes on in the next line.
var htmlOpens = regexp.MustCompile(`<!--` +
	`|<(pre|code|samp|kbd|tt|xmp|listing|plaintext|script|style|textarea)(?:[\s/>]|$)` +
	`|<[a-z][^<>]*=\s*(?:(")[^"<>]*|(')[^'<>]*)$`)

// openHTML gives what ends the HTML that a line leaves open, "" for nothing.
// until is what ends the HTML that is open where the line begins.
func openHTML(line, until string) string {
	rest := lower(line)
	for {
		if until != "" {
			_, after, found := strings.Cut(rest, until)
			if !found {
				return until
			}
			rest = after
		}
		m := htmlOpens.FindStringSubmatchIndex(rest)
		switch {
		case m == nil:
			return ""
		case m[2] >= 0:
			until = "</" + rest[m[2]:m[3]]
		case m[4] >= 0:
			return `"`
		case m[6] >= 0:
			return `'`
		default:
			until = "-->"
		}
		rest = rest[m[1]:]
	}
}

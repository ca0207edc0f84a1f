package checkrun

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// zeroWidth breaks the words that GitHub turns into mentions, references and
// links after it has rendered the Markdown, where backslashes and character
// references are gone already.
const zeroWidth = "\u200b"

// Clean makes text of unknown origin printable: invalid UTF-8 becomes U+FFFD;
// control characters (terminal escapes, NUL) and the invisible characters that
// reorder text are written out, "\x1b" or "\u202e". Newlines and tabs stay.
func Clean(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || hidden(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r == '\r':
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// hidden is true of controls, of format characters (Cf: bidirectional marks,
// zero-width characters, tags) and of line separators that are no newline.
func hidden(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Escape puts text of unknown origin into a line of Markdown as plain words: no
// markup, HTML, image, link, mention or issue reference comes out of it.
// Newlines become spaces.
func Escape(s string) string {
	var b strings.Builder
	s = oneLine(s)
	for i, r := range s {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@':
			b.WriteString("@" + zeroWidth)
		case '#':
			b.WriteString(`\#` + zeroWidth)
		case ':': // https://, mailto:
			b.WriteByte(':')
			if strings.HasPrefix(s[i+1:], "/") || scheme(s[:i]) {
				b.WriteString(zeroWidth)
			}
		case '.': // www. and a numbered list
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteString(zeroWidth)
			}
			b.WriteString(`.`)
			if i+1 < len(s) && s[i+1] == ' ' && i < 9 {
				b.WriteString(zeroWidth)
			}
		case '-', '+', '=': // a list, a rule, a heading
			if i == 0 {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '!', '|', '~', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// scheme is true when s ends in a word that makes a link with a colon alone.
func scheme(s string) bool {
	s = strings.ToLower(s[max(0, len(s)-len("mailto")):])
	return strings.HasSuffix(s, "mailto") || strings.HasSuffix(s, "xmpp")
}

// Code puts text of unknown origin into Markdown as a code span, in which
// GitHub resolves nothing. Newlines become spaces. Not for table cells: there
// a "|" ends the span, see [Cell].
func Code(s string) string {
	s = oneLine(s)
	if strings.TrimSpace(s) == "" {
		s = "(empty)"
	}
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || s[0] == ' ' || s[len(s)-1] == ' ' {
		// The renderer takes one space away on both sides.
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// Cell is [Code] for table cells. Whether a backslash before "|" is read as an
// escape differs between renderers and would let text out of its span, so a
// broken bar is shown instead.
func Cell(s string) string { return Code(strings.ReplaceAll(s, "|", "¦")) }

// Fence is a fenced code block of text of unknown origin, in the given language
// (letters only), with a newline at both ends.
func Fence(language, s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return "\n" + fence + language + "\n" + strings.TrimRight(Clean(s), "\n") + "\n" + fence + "\n"
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, Clean(s))
}

package main

import (
	"bytes"
	"fmt"
	"unicode"
)

// printable makes text from a server or a repository harmless on a terminal:
// escape sequences could rewrite what stands above, and marks of direction show
// it in another order. Everything that a command prints of an answer goes
// through it. Moments in it are shown in the terminal's zone.
func printable(s string) string {
	out := []rune(localTimes(s))
	for i, r := range out {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			out[i] = '·'
		}
	}
	return string(out)
}

// escapeControls writes the control characters that JSON allows in strings, but
// some terminals obey, as JSON's escapes: U+007F to U+009F.
func escapeControls(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, isC1) {
		return doc
	}
	var out bytes.Buffer
	for _, r := range string(doc) {
		if isC1(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

func isC1(r rune) bool { return r >= 0x7f && r <= 0x9f }

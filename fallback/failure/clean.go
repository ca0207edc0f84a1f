package failure

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a line.
const (
	// MaxLine is the length of a line that is shown, in characters.
	MaxLine = 500
	// maxRaw is how much of a line is looked at, in bytes.
	maxRaw = 16 << 10
)

// ansi are the sequences that a terminal obeys (ECMA-48): CSI, the strings OSC,
// DCS, SOS, PM and APC up to their end or the end of the line, and the rest,
// which are one character and what selects it. In UTF-8, C1 controls are U+0080
// and up; they begin sequences as well.
var ansi = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]?" +
	"|(?:\x1b[\\]PX^_]|[\u0090\u0098\u009d\u009e\u009f])[^\x07\x1b\u009c]*(?:\x07|\x1b\\\\|\u009c)?" +
	"|\x1b[ -/]*[0-~]?")

// Clean makes a line of a log fit to be shown: valid UTF-8 without sequences
// for terminals, control and formatting characters (those that turn the
// direction of text included), white space run together, secrets masked, and
// at most [MaxLine] characters.
func Clean(line []byte) string { return finish(plain(line)) }

// finish is the costly part of [Clean], for the lines that are chosen.
func finish(line string) string { return clip(Mask(line), MaxLine) }

// plain is [Clean] without masking and shortening.
func plain(line []byte) string {
	if len(line) > maxRaw {
		line = line[:maxRaw]
		// A secret that is cut in half is not recognised any more.
		if i := bytes.LastIndexAny(line, " \t"); i > 0 {
			line = line[:i]
		}
	}
	if simple(line) {
		return string(bytes.TrimSpace(line))
	}
	s := strings.ToValidUTF8(string(line), "\uFFFD")
	if strings.ContainsAny(s, "\x1b\u0090\u0098\u009b\u009d\u009e\u009f") {
		s = ansi.ReplaceAllString(s, "")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.C, unicode.Noncharacter_Code_Point):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// simple is true of lines that need no more than trimming, which are most.
func simple(line []byte) bool {
	space := false
	for _, b := range line {
		if b < ' ' || b > '~' || b == ' ' && space {
			return false
		}
		space = b == ' '
	}
	return true
}

// clip shortens s to n characters, the last of which then says so.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

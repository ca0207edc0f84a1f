package checkrun

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ünïcode 😀": "plain text, ünïcode 😀",
		"a\tb\nc":               "a\tb\nc",
		"a\r\nb":                "a\nb",
		"\x1b[31mred\x1b[0m":    `\x1b[31mred\x1b[0m`,
		"nul\x00":               `nul\x00`,
		"bad\xff\xfeutf":        "bad\ufffdutf",
		"if \u202e} cod\u202c":  `if \u202e} cod\u202c`,
		"zero\u200bwidth":       `zero\u200bwidth`,
		"line\u2028sep":         `line\u2028sep`,
		"c1\u0085":              `c1\x85`,
		"tag\U000e0041":         `tag\ue0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"plain":            "`plain`",
		"a`b":              "`` a`b ``",
		"``` @team":        "```` ``` @team ````",
		" x":               "`  x `",
		"":                 "`(empty)`",
		"two\nlines":       "`two lines`",
		"</details><img>":  "`</details><img>`",
		"a|b":              "`a|b`",
		"![x](http://e/)`": "`` ![x](http://e/)` ``",
	} {
		if got := Code(in); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Cell(`a|b\|c`); strings.Contains(got, "|") {
		t.Errorf("Cell lets text out of its cell: %q", got)
	}
}

func TestFence(t *testing.T) {
	if got, want := Fence("yaml", "a\n```\n@team\n"), "\n````yaml\na\n```\n@team\n````\n"; got != want {
		t.Errorf("Fence = %q, want %q", got, want)
	}
}

// What GitHub's renderer and the filters after it would act on.
var active = []*regexp.Regexp{
	regexp.MustCompile(`@[A-Za-z0-9]`),                                   // a mention, an address
	regexp.MustCompile(`#[0-9]`),                                         // an issue
	regexp.MustCompile(`(?i)((https?|ftp):/|(mailto|xmpp):[^\x{200b}])`), // a link
	regexp.MustCompile(`(?i)www\.[^\s\x{200b}]`),
	regexp.MustCompile(`<`),
	regexp.MustCompile("(^|[^\\\\])(\\\\\\\\)*[`*_\\[\\]()|!~]"), // Markdown without a backslash before it
	regexp.MustCompile(`\n`),
	regexp.MustCompile(`\x1b|\x00`),
}

func hostile() []string {
	return []string{
		"@acme/everyone look", "mail me@example.com", "fixes #1 and acme/site#2", "![x](https://evil.example/p.png)", "<img src=x onerror=y>",
		"</details></table>", "```\n# title\n```", "www.evil.example", "WWW.evil.example", "https://evil.example/?a=b", "a | b | c", "\x1b[2Jgone", "nul\x00",
		"[link](javascript:x)", "\\`escaped\\`", "**bold** __x__ ~~y~~", "&lt;img&gt; &#64;team", "line\n\n# heading\n- item", "\u202egnp.exe",
		"1. list", "+ item", "--- ", "$x$", "bad\xffutf8", "mailto:a", "a\r\n@team",
	}
}

func TestEscapeDisarms(t *testing.T) {
	for _, s := range hostile() {
		got := Escape(s)
		for _, re := range active {
			if re.MatchString(got) {
				t.Errorf("Escape(%q) = %q matches %s", s, got, re)
			}
		}
		if !utf8.ValidString(got) {
			t.Errorf("Escape(%q) is no UTF-8", s)
		}
	}
	if got, want := Escape(`write "on:" instead, e.g. runs-on: x+y=z`), `write "on:" instead, e.g. runs-on: x+y=z`; got != want {
		t.Errorf("what people copy into a file changed: %q", got)
	}
	if got := Escape(`label "x" is fine, see the docs`); got != `label "x" is fine, see the docs` {
		t.Errorf("plain words changed: %q", got)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		for _, re := range active {
			if re.MatchString(got) {
				t.Errorf("Escape(%q) = %q matches %s", s, got, re)
			}
		}
		code := Code(s)
		inner := strings.Trim(code, "`")
		fence := code[:len(code)-len(strings.TrimLeft(code, "`"))]
		if strings.Contains(inner, fence) && len(fence) > 0 && regexp.MustCompile("(^|[^`])"+fence+"([^`]|$)").MatchString(inner) {
			t.Errorf("Code(%q) = %q ends early", s, code)
		}
		if strings.ContainsAny(code, "\n\x00\x1b") || !utf8.ValidString(code) {
			t.Errorf("Code(%q) = %q", s, code)
		}
	})
}

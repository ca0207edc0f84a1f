package checkrun

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutKeepsWhatFits(t *testing.T) {
	for name, s := range map[string]string{
		"under":      strings.Repeat("é", MaxText-1),
		"at":         strings.Repeat("é", MaxText),
		"at, ascii":  strings.Repeat("a", MaxText),
		"at, 4 byte": strings.Repeat("😀", MaxText),
		"empty":      "",
	} {
		t.Run(name, func(t *testing.T) {
			if got := Cut(s, MaxText); got != s {
				t.Errorf("cut although it fits: %d characters became %d", utf8.RuneCountInString(s), utf8.RuneCountInString(got))
			}
		})
	}
}

func TestCutSaysWhatIsMissing(t *testing.T) {
	for name, s := range map[string]string{
		"one over":      strings.Repeat("a", MaxText+1),
		"runes":         strings.Repeat("é", MaxText+1),
		"4 byte":        strings.Repeat("😀", 2*MaxText),
		"lines":         strings.Repeat("a line of text\n", 10_000),
		"one long line": strings.Repeat("word ", 100_000),
		"in a fence":    "# Title\n\n```yaml\n" + strings.Repeat("key: value\n", 10_000) + "```\n",
		"long fence":    "~~~~~\n" + strings.Repeat("```\n", 30_000) + "~~~~~\n",
		"in details":    "<details><summary>s</summary>\n\n<details>\n" + strings.Repeat("x\n", 60_000) + "</details></details>",
		"details twice": strings.Repeat("<details>\n", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			got := Cut(s, MaxText)
			if n := utf8.RuneCountInString(got); n > MaxText {
				t.Errorf("%d characters", n)
			}
			if !utf8.ValidString(got) {
				t.Error("cut inside of a character")
			}
			if !strings.Contains(got[len(got)-100:], "more characters do not fit") && name != "details twice" {
				t.Errorf("nothing says that it was cut: …%q", got[len(got)-100:])
			}
			// What stands after the cut must not be inside of a block.
			body, _, _ := strings.Cut(got, "\n\n_Cut here:")
			if c := closers(body); c != "" && name != "details twice" {
				t.Errorf("left open: %q", c)
			}
			if n := utf8.RuneCountInString(got); n < MaxText-cutWindow-200 && name != "details twice" {
				t.Errorf("only %d of %d characters used", n, MaxText)
			}
		})
	}
}

func TestCutBytes(t *testing.T) {
	for name, tc := range map[string]struct {
		s   string
		cut bool
	}{
		"under":         {strings.Repeat("a", MaxMessage-1), false},
		"at":            {strings.Repeat("a", MaxMessage), false},
		"at, two bytes": {strings.Repeat("é", MaxMessage/2), false},
		"over":          {strings.Repeat("a", MaxMessage+1), true},
		"runes over":    {strings.Repeat("😀", MaxMessage), true},
		"odd boundary":  {"a" + strings.Repeat("é", MaxMessage), true},
	} {
		t.Run(name, func(t *testing.T) {
			got := cutBytes(tc.s, MaxMessage)
			if len(got) > MaxMessage || !utf8.ValidString(got) {
				t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
			}
			if (got != tc.s) != tc.cut || strings.Contains(got, "… cut, ") != tc.cut {
				t.Errorf("cut is %t, want %t", got != tc.s, tc.cut)
			}
		})
	}
}

func TestCutLine(t *testing.T) {
	for n, want := range map[int]int{MaxTitle - 1: MaxTitle - 1, MaxTitle: MaxTitle, MaxTitle + 1: MaxTitle} {
		got := cutLine(strings.Repeat("é", n), MaxTitle)
		if utf8.RuneCountInString(got) != want || strings.HasSuffix(got, "…") != (n > MaxTitle) {
			t.Errorf("%d characters became %d, ending in %q", n, utf8.RuneCountInString(got), got[len(got)-3:])
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("a\n```\nb\n", 5)
	f.Add("<details>\n<details>", 80)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 4096 {
			return
		}
		s = strings.ToValidUTF8(s, "?")
		got := Cut(s, limit)
		if n := utf8.RuneCountInString(got); n > limit {
			t.Errorf("%d characters, limit %d", n, limit)
		}
		if !utf8.ValidString(got) {
			t.Error("cut inside of a character")
		}
	})
}

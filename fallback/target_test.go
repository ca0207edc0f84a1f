package fallback

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redundancy-app/redundancy/config"
)

// A target comes from a comment, a button or an event: anybody's text.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"", "marketing-sync", "marketing-sync.yml", ".github/workflows/marketing-sync.yml", "../../etc/passwd", "\x00\xff", "İ", strings.Repeat("a", 300)} {
		f.Add(s)
	}
	all := []config.Workflow{{File: primaryPath}, {File: ".github/workflows/sync-health.yml"}, {File: ".github/workflows/sync-health.yaml"}}
	f.Fuzz(func(t *testing.T, target string) {
		found := matching(all, target)
		if len(found) > len(all) {
			t.Fatalf("%q means %d of %d", target, len(found), len(all))
		}
		for _, w := range found {
			if want := strings.ToLower(strings.TrimSpace(target)); want != "" && !strings.Contains(strings.ToLower("./"+w.File), strings.TrimPrefix(want, "./")) {
				t.Errorf("%q found %q", target, w.File)
			}
		}
		a := refuse("No watched workflow is called %s. Did you mean %s?", quote(target), nearest(all, target))
		if n := utf8.RuneCountInString(a.Message); n > 300 {
			t.Errorf("answer of %d characters", n)
		}
	})
}

func TestTail(t *testing.T) {
	for n, want := range map[int]int{0: 0, outputTail - 1: outputTail - 1, outputTail: outputTail, outputTail + 1: outputTail + len("…")} {
		if got := tail([]byte(strings.Repeat("x", n))); len(got) != want {
			t.Errorf("%d bytes became %d, want %d", n, len(got), want)
		}
	}
	if got := tail([]byte("a\xff\xfeb" + strings.Repeat("é", outputTail))); !utf8.ValidString(got) {
		t.Error("invalid UTF-8 came through")
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{"éé": "éé", "ééé": "ééé", "éééé": "éé…"} {
		if got := clip(in, 3); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

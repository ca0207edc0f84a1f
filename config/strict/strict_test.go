package strict

import (
	"fmt"
	"strings"
	"testing"
)

func TestFindGivesTheNearestPlace(t *testing.T) {
	n, problems := ParseYAML([]byte("a:\n  - b: é\n    c: [1, x]\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	at := func(n *Node) string { return fmt.Sprintf("%d:%d", n.Line, n.Column) }
	for _, c := range []struct {
		path []any
		at   string
		has  bool
	}{
		{[]any{}, "1:1", true},
		{[]any{"a"}, "2:3", true},
		{[]any{"a", 0, "b"}, "2:8", true},
		{[]any{"a", 0, "c", 1}, "3:12", true},
		{[]any{"a", 0, "c", 2}, "3:8", false},
		{[]any{"a", 0, "d", "e"}, "2:5", false},
		{[]any{"z"}, "1:1", false},
		{[]any{"a", -1}, "2:3", false},
		{[]any{"a", 0, "b", "under a scalar"}, "2:8", false},
	} {
		if got := at(n.Find(c.path...)); got != c.at || n.Has(c.path...) != c.has {
			t.Errorf("%v is at %s, there: %v", c.path, got, n.Has(c.path...))
		}
	}
	if got := at(n.Key("a", 0, "c")); got != "3:5" {
		t.Error("key at", got)
	}
	if got := at(n.Key("a", 0, "none")); got != "2:5" {
		t.Error("key that is not there at", got)
	}
	var none *Node
	if none.Find("a") != nil || none.Key("a") != nil || none.Has("a") {
		t.Error("nothing holds something")
	}
}

func TestJSONPlaces(t *testing.T) {
	n, problems := ParseJSON([]byte("{\"é\": [1,\r\n  {\"b\" : null}], \"é2\":true}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, c := range []struct {
		n    *Node
		kind Kind
		at   string
	}{
		{n, Mapping, "1:1"},
		{n.Key("é"), String, "1:2"},
		{n.Find("é"), Sequence, "1:7"},
		{n.Find("é", 0), Number, "1:8"},
		{n.Find("é", 1, "b"), Null, "2:10"},
		{n.Key("é2"), String, "2:18"},
		{n.Find("é2"), Bool, "2:23"},
	} {
		if got := fmt.Sprintf("%d:%d", c.n.Line, c.n.Column); got != c.at || c.n.Kind != c.kind {
			t.Errorf("%s at %s, want %s at %s", c.n.Kind, got, c.kind, c.at)
		}
	}
}

// Each limit under it, at it and over it.
func TestLimits(t *testing.T) {
	yaml := func(text string) bool { n, _ := ParseYAML([]byte(text)); return n != nil }
	json := func(text string) bool { n, _ := ParseJSON([]byte(text)); return n != nil }
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n-1), ",") + "]" } // with the list itself: n nodes
	block := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		limit int
		ok    func(n int) bool
	}{
		"YAML brackets": {MaxDepth, func(n int) bool { return yaml(nest(n)) }},
		"YAML blocks":   {MaxDepth, func(n int) bool { return yaml(block(n)) }},
		"YAML values":   {MaxNodes, func(n int) bool { return yaml(list(n)) }},
		"YAML dashes":   {maxIndicators, func(n int) bool { return yaml(strings.Repeat("- ", n) + "x") }},
		"YAML size":     {MaxSize, func(n int) bool { return yaml("a: 1\n" + strings.Repeat("#", n-5)) }},
		"JSON brackets": {MaxDepth, func(n int) bool { return json(nest(n)) }},
		"JSON values":   {MaxNodes, func(n int) bool { return json(list(n)) }},
		"JSON size":     {MaxSize, func(n int) bool { return json("{}" + strings.Repeat(" ", n-2)) }},
		"any brackets":  {maxBrackets, func(n int) bool { return CheckNesting([]byte(strings.Repeat("[", n))) == nil }},
		"any dashes":    {maxBrackets, func(n int) bool { return CheckNesting([]byte(strings.Repeat("- ", n))) == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			for n, want := range map[int]bool{c.limit - 1: true, c.limit: true, c.limit + 1: false} {
				if got := c.ok(n); got != want {
					t.Errorf("with %d: read is %v", n, got)
				}
			}
		})
	}
	if CheckNesting([]byte(strings.Repeat("[]- \n", 100_000))) != nil {
		t.Error("what is closed counts as nested")
	}
}

func TestNearest(t *testing.T) {
	words := []string{"recover", "breaker", "file"}
	for word, want := range map[string]string{"recovr": "recover", "Recover": "recover", "fil": "file", "xyz": "", "": "", strings.Repeat("recover", 50): ""} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
	if Nearest("a", nil) != "" {
		t.Error("near to nothing")
	}
}

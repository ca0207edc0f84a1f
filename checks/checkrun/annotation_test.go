package checkrun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
)

func TestAnnotate(t *testing.T) {
	want := func(path string, line int, column *int, level, title, message string) *github.CheckRunAnnotation {
		a := &github.CheckRunAnnotation{Path: &path, StartLine: &line, EndLine: &line, StartColumn: column, EndColumn: column, AnnotationLevel: &level, Message: &message}
		if title != "" {
			a.Title = &title
		}
		return a
	}
	three := 3
	for name, tc := range map[string]struct {
		finding config.Finding
		want    *github.CheckRunAnnotation
	}{
		"all":               {config.Finding{File: "a.yml", Line: 2, Column: 3, Rule: "r", Severity: config.Error, Message: "m", Fix: "f"}, want("a.yml", 2, &three, "failure", "r", "m\n\nFix: f")},
		"no column":         {config.Finding{File: "a.yml", Line: 2, Severity: config.Warning, Message: "m"}, want("a.yml", 2, nil, "warning", "", "m")},
		"column, no line":   {config.Finding{File: "a.yml", Column: 3, Severity: config.Notice, Message: "m"}, want("a.yml", 1, nil, "notice", "", "m")},
		"leading slash":     {config.Finding{File: "/a/b.yml", Line: 1, Message: "m"}, want("a/b.yml", 1, nil, "notice", "", "m")},
		"climbing":          {config.Finding{File: "../../etc/passwd", Line: 1, Message: "m"}, want("etc/passwd", 1, nil, "notice", "", "m")},
		"dot":               {config.Finding{File: "./a.yml", Line: 1, Message: "m"}, want("a.yml", 1, nil, "notice", "", "m")},
		"no file":           {config.Finding{Line: 1, Message: "m"}, want(".github", 1, nil, "notice", "", "m")},
		"newline in a name": {config.Finding{File: "a\nb\x1b.yml", Line: 1, Message: "m"}, want(`a b\x1b.yml`, 1, nil, "notice", "", "m")},
		"no message":        {config.Finding{File: "a.yml", Line: 1, Message: " "}, want("a.yml", 1, nil, "notice", "", "(no message)")},
		"control bytes":     {config.Finding{File: "a.yml", Line: 1, Message: "\x1b[31m\x00\xff"}, want("a.yml", 1, nil, "notice", "", `\x1b[31m\x00`+"\ufffd")},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]*github.CheckRunAnnotation{tc.want}, annotate([]config.Finding{tc.finding})); diff != "" {
				t.Errorf("annotation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnnotateLimits(t *testing.T) {
	long := annotate([]config.Finding{{File: "a", Line: 1, Rule: strings.Repeat("é", 300), Message: strings.Repeat("x", 2*MaxMessage)}})[0]
	if n := len([]rune(long.GetTitle())); n != MaxTitle {
		t.Errorf("title has %d characters", n)
	}
	if n := len(long.GetMessage()); n > MaxMessage {
		t.Errorf("message has %d bytes", n)
	}
	for n, want := range map[int]int{MaxAnnotations - 1: MaxAnnotations - 1, MaxAnnotations: MaxAnnotations, MaxAnnotations + 1: MaxAnnotations} {
		if got := len(annotate(make([]config.Finding, n))); got != want {
			t.Errorf("%d findings became %d annotations", n, got)
		}
	}
}

func TestResume(t *testing.T) {
	make := func(messages ...string) []*github.CheckRunAnnotation {
		var out []*github.CheckRunAnnotation
		for _, m := range messages {
			out = append(out, annotate([]config.Finding{{File: "a", Line: 1, Column: 1, Message: m}})...)
		}
		return out
	}
	for name, tc := range map[string]struct {
		has, want []*github.CheckRunAnnotation
		done      int
		ok        bool
	}{
		"nothing yet":      {nil, make("a", "b"), 0, true},
		"some":             {make("a"), make("a", "b"), 1, true},
		"all":              {make("a", "b"), make("a", "b"), 2, true},
		"another order":    {make("b", "a"), make("a", "b", "c"), 2, true},
		"another one":      {make("x"), make("a", "b"), 0, false},
		"too many":         {make("a", "b"), make("a"), 0, false},
		"one twice":        {make("a", "a"), make("a", "b"), 0, false},
		"twice is meant":   {make("a", "a"), make("a", "a", "b"), 2, true},
		"nothing expected": {make("a"), nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if done, ok := resume(tc.has, tc.want); done != tc.done || ok != tc.ok {
				t.Errorf("resume = %d, %t, want %d, %t", done, ok, tc.done, tc.ok)
			}
		})
	}
}

func TestRunCheck(t *testing.T) {
	good := Run{Name: "n", HeadSHA: "s", Title: "t", Summary: "s", Status: Completed, Conclusion: Success}
	action := func(label, description, identifier int) []Action {
		return []Action{{strings.Repeat("é", label), strings.Repeat("é", description), strings.Repeat("é", identifier)}}
	}
	for name, tc := range map[string]struct {
		change func(*Run)
		ok     bool
	}{
		"good":                    {func(*Run) {}, true},
		"in progress":             {func(r *Run) { r.Status, r.Conclusion = InProgress, "" }, true},
		"queued":                  {func(r *Run) { r.Status, r.Conclusion = Queued, "" }, true},
		"in progress, concluded":  {func(r *Run) { r.Status = InProgress }, false},
		"completed, no end":       {func(r *Run) { r.Conclusion = "" }, false},
		"stale":                   {func(r *Run) { r.Conclusion = "stale" }, false},
		"startup_failure":         {func(r *Run) { r.Conclusion = "startup_failure" }, false},
		"waiting":                 {func(r *Run) { r.Status, r.Conclusion = "waiting", "" }, false},
		"no name":                 {func(r *Run) { r.Name = "" }, false},
		"no head":                 {func(r *Run) { r.HeadSHA = "" }, false},
		"no title":                {func(r *Run) { r.Title = "" }, false},
		"no summary":              {func(r *Run) { r.Summary = "" }, false},
		"action at its limits":    {func(r *Run) { r.Actions = action(MaxLabel, MaxDescription, MaxIdentifier) }, true},
		"action under its limits": {func(r *Run) { r.Actions = action(1, 1, 1) }, true},
		"long label":              {func(r *Run) { r.Actions = action(MaxLabel+1, 1, 1) }, false},
		"long description":        {func(r *Run) { r.Actions = action(1, MaxDescription+1, 1) }, false},
		"long identifier":         {func(r *Run) { r.Actions = action(1, 1, MaxIdentifier+1) }, false},
		"no identifier":           {func(r *Run) { r.Actions = action(1, 1, 0) }, false},
		"three actions":           {func(r *Run) { a := action(1, 1, 1)[0]; r.Actions = []Action{a, a, a} }, true},
		"four actions":            {func(r *Run) { a := action(1, 1, 1)[0]; r.Actions = []Action{a, a, a, a} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			tc.change(&r)
			if err := r.check(); (err == nil) != tc.ok {
				t.Errorf("check = %v, want ok %t", err, tc.ok)
			}
		})
	}
}

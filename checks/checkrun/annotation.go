package checkrun

import (
	"fmt"
	"path"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
)

// fallbackPath stands for a finding without a file: GitHub wants a path, and
// does not ask whether it exists.
const fallbackPath = ".github"

// annotate turns findings into annotations within GitHub's limits.
func annotate(findings []config.Finding) []*github.CheckRunAnnotation {
	findings = findings[:min(len(findings), MaxAnnotations)]
	out := make([]*github.CheckRunAnnotation, 0, len(findings))
	for _, f := range findings {
		// GitHub wants the path relative to the root and the lines from 1.
		file := strings.TrimPrefix(path.Clean("/"+oneLine(f.File)), "/")
		if file == "" {
			file = fallbackPath
		}
		line := max(f.Line, 1)
		a := &github.CheckRunAnnotation{
			Path:            &file,
			StartLine:       &line,
			EndLine:         &line,
			AnnotationLevel: github.String(level(f.Severity)),
			Message:         github.String(message(f)),
		}
		if f.Rule != "" {
			a.Title = github.String(cutLine(oneLine(f.Rule), MaxTitle))
		}
		// Allowed only while start and end are on one line, which they are.
		if f.Line > 0 && f.Column > 0 {
			a.StartColumn, a.EndColumn = github.Int(f.Column), github.Int(f.Column)
		}
		out = append(out, a)
	}
	return out
}

// message is never empty: GitHub refuses that.
func message(f config.Finding) string {
	m := strings.TrimSpace(Clean(f.Message))
	if m == "" {
		m = "(no message)"
	}
	if f.Fix != "" {
		m += "\n\nFix: " + Clean(f.Fix)
	}
	return cutBytes(m, MaxMessage)
}

func level(s config.Severity) string {
	switch s {
	case config.Error:
		return "failure"
	case config.Warning:
		return "warning"
	default:
		return "notice"
	}
}

// fingerprint identifies an annotation in what GitHub gives back. Columns are
// left out, and space at the ends of the message, because GitHub may
// normalise them.
func fingerprint(a *github.CheckRunAnnotation) string {
	return fmt.Sprintf("%s\x00%d\x00%s\x00%s\x00%s", a.GetPath(), a.GetStartLine(), a.GetAnnotationLevel(), a.GetTitle(),
		strings.TrimSpace(strings.ReplaceAll(a.GetMessage(), "\r\n", "\n")))
}

// resume says how many of want GitHub has already, when what it has is exactly
// the beginning of want, in whatever order it lists them. ok is false when it
// has anything else: annotations cannot be removed, so that run is spoilt.
func resume(has, want []*github.CheckRunAnnotation) (done int, ok bool) {
	if len(has) > len(want) {
		return 0, false
	}
	left := map[string]int{}
	for _, a := range want[:len(has)] {
		left[fingerprint(a)]++
	}
	for _, a := range has {
		k := fingerprint(a)
		if left[k] == 0 {
			return 0, false
		}
		left[k]--
	}
	return len(has), true
}

package checks

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// Place is the commit that a report is about, for links.
type Place struct {
	WebURL string // "https://github.com" or the GitHub Enterprise Server
	Repo   queue.Repo
	SHA    string
}

// link is the address of a line of a file.
func (p Place) link(file string, line int) string {
	segments := strings.Split(file, "/")
	for i, s := range segments {
		segments[i] = strings.NewReplacer("(", "%28", ")", "%29").Replace(url.PathEscape(s))
	}
	return fmt.Sprintf("%s/%s/%s/blob/%s/%s#L%d", strings.TrimSuffix(p.WebURL, "/"),
		url.PathEscape(p.Repo.Owner), url.PathEscape(p.Repo.Name), p.SHA, strings.Join(segments, "/"), line)
}

// item is a finding as an entry of a Markdown list.
func (p Place) item(f config.Finding) string {
	s := fmt.Sprintf("- [%s](%s) **%s** %s (%s)", checkrun.Code(fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)),
		p.link(f.File, f.Line), f.Severity, checkrun.Escape(f.Message), checkrun.Code(f.Rule))
	if f.Fix != "" {
		s += "<br>Fix: " + checkrun.Escape(f.Fix)
	}
	return s + "\n"
}

// count is "1 error" or "3 errors".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// tally is "3 errors and 1 warning"; "" when there is nothing.
func tally(errors, warnings, notices int) string {
	var parts []string
	for _, c := range []struct {
		n    int
		word string
	}{{errors, "error"}, {warnings, "warning"}, {notices, "notice"}} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.word))
		}
	}
	if len(parts) == 3 {
		return parts[0] + ", " + parts[1] + " and " + parts[2]
	}
	return strings.Join(parts, " and ")
}

// short is the beginning of a commit's name.
func short(sha string) string { return sha[:min(len(sha), 7)] }

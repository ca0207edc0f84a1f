package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// maxBody is a little below GitHub's limit of a comment, 65,536 characters.
	maxBody = 65_000
	// maxEarlier is how many commands before the newest are still listed.
	maxEarlier = 10
	// maxRows bounds the table of a status.
	maxRows = 50
)

var outcomeIcons = map[string]string{done: ":rocket:", failed: ":confused:", refused: ":no_entry_sign:"}

// render writes the reply of a thread: the newest comment's commands with
// their answers, and one line for each earlier command. "" when nothing was
// ever asked here.
func (w *Worker) render(ctx context.Context, repo queue.Repo, number int) (string, error) {
	rows, err := w.Store.CommandsIn(ctx, repo.ID, number, maxEarlier+10)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	var b, earlier strings.Builder
	b.WriteString(marker + "\n")
	listed := 0
	for _, row := range rows {
		inc, err := w.incident(ctx, row.IncidentID)
		if err != nil {
			return "", err
		}
		if row.CommentID == rows[0].CommentID {
			fmt.Fprintf(&b, "%s\n\n%s\n", heading(row), row.Answer)
			if inc != nil {
				fmt.Fprintf(&b, "\n%s\n", progress(inc))
			}
			b.WriteString("\n")
			continue
		}
		if listed++; listed > maxEarlier {
			break
		}
		fmt.Fprintf(&earlier, "- %s", heading(row))
		if inc != nil {
			fmt.Fprintf(&earlier, ", now %s", checkrun.Code(inc.State))
		}
		earlier.WriteString("\n")
	}
	if earlier.Len() > 0 {
		fmt.Fprintf(&b, "<details><summary>Earlier</summary>\n\n%s\n</details>\n", earlier.String())
	}
	return checkrun.Cut(strings.TrimSpace(b.String()), maxBody), nil
}

// heading names a command without notifying its author again.
func heading(row store.Command) string {
	return fmt.Sprintf("%s %s by %s", outcomeIcons[row.Outcome], checkrun.Code(row.Line), checkrun.Escape(row.Author))
}

func (w *Worker) incident(ctx context.Context, id int64) (*store.Incident, error) {
	if id == 0 {
		return nil, nil
	}
	inc, ok, err := store.ReadIncident(ctx, w.Store.Read(), id)
	if err != nil || !ok {
		return nil, err
	}
	return &inc, nil
}

// progress tells where an incident stands. It is rendered anew whenever the
// incident changes, so it must not say anything that ages.
func progress(inc *store.Incident) string {
	out := fmt.Sprintf("%s of %s is %s", link(fmt.Sprintf("Incident %d", inc.ID), pageOf(inc.RunURL, inc.CheckRunID)),
		checkrun.Code(inc.WorkflowPath), checkrun.Code(inc.State))
	if inc.Reason != "" {
		out += ": " + checkrun.Escape(inc.Reason)
	}
	if inc.RunID == 0 {
		return out + "."
	}
	return out + ". " + link("The run that failed", inc.RunURL) + "."
}

// runURLForm is what the URL of a workflow run looks like, on github.com and
// on an Enterprise Server.
var runURLForm = regexp.MustCompile(`^(https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/actions/runs/[0-9]+(?:/attempts/[0-9]+)?$`)

// pageOf is the page of an incident's Check Run, made from the page of the run
// that failed; "" until there is one.
func pageOf(runURL string, checkRun int64) string {
	m := runURLForm.FindStringSubmatch(runURL)
	if m == nil || checkRun == 0 {
		return ""
	}
	return fmt.Sprintf("%s/runs/%d", m[1], checkRun)
}

// sentence escapes the engine's plain text. The address of a run at its end
// stays a link; elsewhere escaping breaks addresses on purpose.
func sentence(message string) string {
	at := strings.LastIndexByte(message, ' ')
	if at > 0 && runURLForm.MatchString(message[at+1:]) {
		return checkrun.Escape(message[:at]) + " " + message[at+1:]
	}
	return checkrun.Escape(message)
}

var linkForm = regexp.MustCompile(`^https?://[A-Za-z0-9.:/_-]+$`)

func link(text, url string) string {
	if !linkForm.MatchString(url) {
		return text
	}
	return "[" + text + "](" + url + ")"
}

var runsForm = regexp.MustCompile(`https?://[A-Za-z0-9.:/_-]+/actions/runs/[0-9]+`)

// linked escapes a line and leaves the addresses of runs beside the given one
// as links. Any other address in it can be the text of a log.
func linked(line, run string) string {
	beside, _, ok := strings.Cut(run, "/runs/")
	var b strings.Builder
	rest := 0
	for _, at := range runsForm.FindAllStringIndex(line, -1) {
		url := line[at[0]:at[1]]
		if !ok || !strings.HasPrefix(url, beside+"/runs/") {
			continue
		}
		b.WriteString(checkrun.Escape(line[rest:at[0]]) + url)
		rest = at[1]
	}
	b.WriteString(checkrun.Escape(line[rest:]))
	return b.String()
}

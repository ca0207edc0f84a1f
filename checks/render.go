package checks

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
)

// Name of the Check Run, which branch protection rules refer to.
const Name = "redundancy / validate"

// Rows of a summary, so that what to do comes into sight.
const (
	tableRows  = 50
	firstItems = 20
)

// Conclusion of the report: for a configured repository failure with an error,
// neutral with anything else, success with nothing. Without a configuration it
// is advice, never worse than neutral.
func (r Report) Conclusion() checkrun.Conclusion {
	errors, warnings, notices := r.Totals()
	switch {
	case errors+warnings+notices == 0:
		return checkrun.Success
	case errors > 0 && r.Source != SourceNone:
		return checkrun.Failure
	default:
		return checkrun.Neutral
	}
}

// CheckRun says the report. The caller adds the external id and the times.
func (r Report) CheckRun(p Place) checkrun.Run {
	annotations := r.Findings
	if len(annotations) > checkrun.MaxAnnotations {
		annotations = worstFirst(annotations)
	}
	return checkrun.Run{
		Name:        Name,
		HeadSHA:     p.SHA,
		Status:      checkrun.Completed,
		Conclusion:  r.Conclusion(),
		Title:       r.title(),
		Summary:     r.summary(p),
		Text:        r.text(p, annotations[min(len(annotations), checkrun.MaxAnnotations):]),
		Annotations: annotations,
	}
}

// worstFirst brings errors before warnings before notices and keeps the order
// otherwise: what is cut off at the end should matter least.
func worstFirst(found []config.Finding) []config.Finding {
	rank := map[config.Severity]int{config.Error: 0, config.Warning: 1}
	out := slices.Clone(found)
	slices.SortStableFunc(out, func(a, b config.Finding) int {
		return rankOf(rank, a.Severity) - rankOf(rank, b.Severity)
	})
	return out
}

func rankOf(rank map[config.Severity]int, s config.Severity) int {
	if n, ok := rank[s]; ok {
		return n
	}
	return len(rank)
}

func (r Report) title() string {
	errors, warnings, notices := r.Totals()
	what := tally(errors, warnings, notices)
	affected, workflows := 0, 0
	for _, f := range r.Files {
		if f.Errors+f.Warnings+f.Notices > 0 {
			affected++
			if isWorkflow(f.Path) {
				workflows++
			}
		}
	}
	var title string
	switch {
	case r.Broken && workflows == 0:
		title = fmt.Sprintf("The configuration is broken: %s in %s", what, r.Config)
	case r.Broken:
		title = fmt.Sprintf("The configuration is broken; %s in %s", what, count(affected, "file"))
	case what == "" && r.Workflows() == 0:
		title = "No workflow files"
	case what == "":
		title = "No problems in " + count(r.Workflows(), "workflow file")
	case workflows == affected:
		title = fmt.Sprintf("%s in %s", what, count(affected, "workflow file"))
	default:
		title = fmt.Sprintf("%s in %s", what, count(affected, "file"))
	}
	if r.Source == SourceNone && what != "" {
		title = "Advice: " + title
	}
	if n := len(r.Unchecked); n > 0 {
		title += fmt.Sprintf("; %s not checked", count(n, "file"))
	}
	return title
}

func (r Report) summary(p Place) string {
	var b strings.Builder
	r.writeState(&b, p)
	if len(r.Findings) > 0 {
		r.writeTable(&b)
		r.writeFirst(&b, p)
	}
	r.writeNextSteps(&b)
	return strings.TrimSpace(b.String())
}

// writeState says in one or two sentences what was looked at and what holds.
func (r Report) writeState(b *strings.Builder, p Place) {
	switch n := r.Workflows(); {
	case n == 0:
		fmt.Fprintf(b, "This commit has no workflow files in %s.", checkrun.Code(config.WorkflowsDir))
	case len(r.Findings) == 0 && len(r.Unchecked) == 0:
		fmt.Fprintf(b, "%s checked, nothing found.", count(n, "workflow file"))
	default:
		fmt.Fprintf(b, "%s checked.", count(n-len(r.Unchecked), "workflow file"))
	}
	if n := len(r.Unchecked); n > 0 {
		fmt.Fprintf(b, " **%s not checked**: the others took all the time there is for one commit.", count(n, "file"))
	}
	if r.Ignored > 0 {
		verb := "are"
		if r.Ignored == 1 {
			verb = "is"
		}
		fmt.Fprintf(b, " %s %s switched off by the configuration.", count(r.Ignored, "finding"), verb)
	}
	b.WriteString("\n\n")
	switch {
	case r.Broken && r.InForce != nil:
		fmt.Fprintf(b, "**%s of this commit is broken and does not take effect.** The last good one stays in force: %s", checkrun.Code(r.Config), checkrun.Code(r.InForce.Path))
		if r.InForce.Commit != "" {
			if r.InForce.Source == SourceOwn || r.InForce.Source == SourceOriginal {
				q := p
				q.SHA = r.InForce.Commit
				fmt.Fprintf(b, " of commit [%s](%s)", checkrun.Code(short(r.InForce.Commit)), q.link(r.InForce.Path, 1))
			} else {
				fmt.Fprintf(b, " of commit %s in %s", checkrun.Code(short(r.InForce.Commit)), checkrun.Code(p.Repo.Owner+"/"+config.OwnerRepo))
			}
		}
		b.WriteString(".\n\n")
	case r.Broken:
		fmt.Fprintf(b, "**%s of this commit is broken and does not take effect.** There is no earlier good one, so nothing is watched.\n\n", checkrun.Code(r.Config))
	case r.Source == SourceNone:
		b.WriteString("This repository has no redundancy configuration, so this is advice: it never fails, and no workflow is watched.\n\n")
	}
}

func (r Report) writeTable(b *strings.Builder) {
	b.WriteString("| File | Errors | Warnings | Notices |\n|:--|--:|--:|--:|\n")
	rows, clean := 0, 0
	for _, f := range r.Files {
		if f.Errors+f.Warnings+f.Notices == 0 {
			clean++
			continue
		}
		if rows++; rows <= tableRows {
			fmt.Fprintf(b, "| %s | %d | %d | %d |\n", checkrun.Cell(f.Path), f.Errors, f.Warnings, f.Notices)
		}
	}
	if rows > tableRows {
		fmt.Fprintf(b, "| %s more | | | |\n", count(rows-tableRows, "file"))
	}
	if clean > 0 {
		fmt.Fprintf(b, "\n%s without findings.\n", count(clean, "file"))
	}
	b.WriteString("\n")
}

func (r Report) writeFirst(b *strings.Builder, p Place) {
	first := worstFirst(r.Findings)
	title := "Findings"
	if len(first) > firstItems {
		first, title = first[:firstItems], "The first findings"
	}
	fmt.Fprintf(b, "### %s\n\n", title)
	for _, f := range first {
		b.WriteString(p.item(f))
	}
	if more := len(r.Findings) + r.Dropped - len(first); more > 0 {
		fmt.Fprintf(b, "\n%d more stand beside their lines, as annotations.\n", more)
	}
	b.WriteString("\n")
}

func (r Report) writeNextSteps(b *strings.Builder) {
	var steps []string
	if len(r.Findings) > 0 {
		steps = append(steps, "Change the lines above and push; this check runs again by itself.")
	}
	if r.Source == SourceNone {
		steps = append(steps, fmt.Sprintf("To have failing workflows recovered, add %s. A ready-made one stands below.", checkrun.Code(config.RepositoryPath)))
	} else if len(r.Findings) > 0 {
		steps = append(steps, fmt.Sprintf("What is meant to be so can be switched off under %s in %s.", checkrun.Code("validate.ignore"), checkrun.Code(config.RepositoryPath)))
	}
	if len(steps) == 0 {
		return
	}
	b.WriteString("### What to do\n\n")
	for _, s := range steps {
		b.WriteString("- " + s + "\n")
	}
}

// text holds the ready-made configuration of advice, and the findings that no
// annotation shows, as far as they fit.
func (r Report) text(p Place, rest []config.Finding) string {
	var b strings.Builder
	if r.Source == SourceNone {
		fmt.Fprintf(&b, "### A configuration to begin with\n\nSave it as %s on the default branch.\n%s\n", checkrun.Code(config.RepositoryPath), checkrun.Fence("yaml", r.Suggestion()))
	}
	if len(rest)+r.Dropped == 0 {
		return strings.TrimSpace(b.String())
	}
	b.WriteString("### Findings without an annotation\n\n")
	used := utf8.RuneCountInString(b.String())
	listed := 0
	for _, f := range rest {
		line := p.item(f)
		if used += utf8.RuneCountInString(line); used > checkrun.MaxText-200 {
			break
		}
		b.WriteString(line)
		listed++
	}
	if more := len(rest) - listed + r.Dropped; more > 0 {
		fmt.Fprintf(&b, "\n%s more do not fit here: %s lists all of them.\n", count(more, "finding"), checkrun.Code("redundancy check"))
	}
	return strings.TrimSpace(b.String())
}

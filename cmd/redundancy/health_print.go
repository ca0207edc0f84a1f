package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/risk"
)

// maxShown repositories of the fleet on a terminal, the worst; --json has more.
const maxShown = 20

// printHealth prints the verdict first: that is what scripts and people look
// at. one repository gets all the figures of its workflows.
func printHealth(out io.Writer, h api.Health, one bool) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	verdict := "healthy"
	if !h.Healthy {
		verdict = "not healthy"
	}
	fmt.Fprintln(t, verdict)
	for _, r := range h.Reasons {
		fmt.Fprintln(t, "  "+printable(r))
	}
	for _, p := range h.Paused {
		fmt.Fprintln(t, "paused: "+pauseLine(&p))
	}
	for _, inc := range h.Suspected[:min(len(h.Suspected), maxShown)] {
		fmt.Fprintf(t, "suspected, not confirmed yet: %s (incident %d)\n", printable(inc.Subject()), inc.ID)
	}
	for _, inc := range h.Off[:min(len(h.Off), maxShown)] {
		fmt.Fprintf(t, "disabled by a person: %s (incident %d)\n", printable(inc.Subject()), inc.ID)
	}
	if !h.AsOf.IsZero() {
		fmt.Fprintf(t, "score %s%s; availability %s\n", scoreText(h.Score, h.WhyNoScore), trendText(h.Trend), percent(h.Availability))
		if h.Covered < h.RepositoriesTotal {
			fmt.Fprintf(t, "  %d of %s were looked at so far; ask again for more\n", h.Covered, count(h.RepositoriesTotal, "repository"))
		}
	}
	for _, b := range h.Broken[:min(len(h.Broken), maxShown)] {
		if h.Score != nil || !strings.HasSuffix(h.WhyNoScore, b.String()) { // else it has been said
			fmt.Fprintf(t, "configuration of %s: %s\n", printable(b.Repo), printable(b.String()))
		}
	}
	if w := h.EarlyWarning; w != nil && w.Warning {
		fmt.Fprintln(t, "early warning: "+printable(w.Text))
	}
	if one {
		printTargets(t, h)
	} else {
		printRepositories(t, h.Repositories)
	}
	return t.Flush()
}

func printRepositories(t io.Writer, list []health.Repository) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(t, "\nREPOSITORY\tSCORE\tTREND\tAVAILABILITY\tOPEN\tWORST")
	for _, r := range list[:min(len(list), maxShown)] {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", printable(r.Repo), cell(r.Score), changeText(r.Trend), percent(r.Availability), r.Open, printable(r.Worst))
	}
	if len(list) > maxShown {
		fmt.Fprintf(t, "and %d more, see --json\n", len(list)-maxShown)
	}
}

func printTargets(t io.Writer, h api.Health) {
	if len(h.Targets) > 0 {
		fmt.Fprintln(t, "\nWORKFLOW\tSCORE\tTREND\tRUNS OK\tAVAILABILITY\tMTTD\tMTTR")
	}
	for _, x := range h.Targets {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%s\t%s\t%s\n", printable(x.Workflow), cell(x.Score), changeText(x.Trend),
			x.Successes, x.Samples, percent(x.Availability), span(x.MTTD), span(x.MTTR))
	}
	for _, x := range h.Targets {
		if x.WhyNoScore == "" && len(x.Deductions) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s: %s\n", printable(x.Workflow), scoreText(x.Score, x.WhyNoScore))
		for _, d := range x.Deductions {
			line := fmt.Sprintf("  -%.1f  %s", d.Points, printable(d.Cause))
			for _, l := range d.Links {
				if l.Kind == "incident" { // its URL is a path of the API
					line += fmt.Sprintf("; redundancy explain %d", l.ID)
				} else {
					line += " " + printable(l.URL)
				}
			}
			fmt.Fprintln(t, line)
		}
	}
	if len(h.Risk) > 0 {
		fmt.Fprintln(t, "\nrisk of the next run, and lasting changes, for information only")
	}
	for _, a := range h.Risk {
		fmt.Fprintf(t, "  %s: %s\n", printable(a.Workflow), printable(a.Text))
		if c := a.Outcomes; c != nil {
			fmt.Fprintf(t, "    since %s %.0f %% of the runs fail, before that %.0f %%\n", shownShort(c.At), 100*c.After, 100*c.Before)
		}
		if c := a.Durations; c != nil {
			fmt.Fprintf(t, "    since %s runs take %s, before that %s\n", shownShort(c.At), span(&c.After), span(&c.Before))
		}
		if d := a.Anomaly; d != nil {
			fmt.Fprintf(t, "    the last success took %s, usual is %s: %s\n", span(&d.Seconds), span(&d.Median), printable(d.URL))
		}
	}
}

func scoreText(score *float64, why string) string {
	if score == nil {
		return "none yet: " + printable(why)
	}
	return fmt.Sprintf("%.1f of 100", *score)
}

func cell(score *float64) string {
	if score == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *score)
}

func trendText(t *health.Trend) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf(" (without open incidents: this week %.1f, the week before %.1f)", t.ThisWeek, t.WeekBefore)
}

func changeText(t *health.Trend) string {
	if t == nil {
		return "-"
	}
	return fmt.Sprintf("%+.1f", t.Change)
}

func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100**share)
}

// span prints seconds as people say them: 1h5m, not 1h5m0s.
func span(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	d := time.Duration(*seconds * float64(time.Second)).Round(time.Second)
	if d.Abs() >= time.Hour {
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// printRisk adds what the history says about a workflow's next run to the story
// of an incident. It only informs: no answer is no error.
func printRisk(cmd *cobra.Command, c *client, repo, workflow string) error {
	var rep risk.Report
	err := c.call(cmd.Context(), http.MethodGet, "risk?"+url.Values{"repo": {repo}, "workflow": {workflow}}.Encode(), nil, &rep)
	if err != nil || len(rep.Targets) == 0 || !rep.Targets[0].Signal {
		return nil //nolint:nilerr // the incident has been shown, which is what was asked for
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "next run, for information only: %s\n", printable(rep.Targets[0].Text))
	return err
}

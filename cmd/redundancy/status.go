package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
)

func newStatus() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running server is doing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			var st api.Status
			if err := c.call(cmd.Context(), http.MethodGet, "status", nil, &st); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), st)
			}
			return printStatus(cmd.OutOrStdout(), st)
		},
	}
	flags.add(cmd)
	return cmd
}

func printStatus(w io.Writer, st api.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	ready := "ready"
	if !st.Ready {
		ready = "not ready"
	}
	fmt.Fprintf(t, "server\t%s, %s, since %s\n", printable(st.Version), ready, shown(st.StartedAt))
	for _, c := range st.Checks {
		if !c.OK {
			fmt.Fprintf(t, "\t%s: %s\n", printable(c.Name), printable(c.Detail))
		}
	}
	for _, u := range st.Upstream {
		fmt.Fprintf(t, "upstream\t%s\n", printable(u.String()))
	}
	for i := range st.Pauses {
		fmt.Fprintf(t, "paused\t%s\n", pauseLine(&st.Pauses[i]))
	}
	for _, b := range st.Broken[:min(len(st.Broken), maxShown)] {
		fmt.Fprintf(t, "broken\t%s\n", printable(b.Repo+": "+b.String()))
	}
	if more := st.BrokenTotal - int64(min(len(st.Broken), maxShown)); more > 0 {
		fmt.Fprintf(t, "\tand %d more\n", more)
	}
	fmt.Fprintf(t, "inbox\t%s to handle\n", count(st.Inbox.Depth, "delivery"))
	fmt.Fprintf(t, "queue\t%d running, %d ready, %d behind others, %d gave up\n",
		st.Queue.Running, st.Queue.Available, st.Queue.Waiting, st.Queue.Dead)
	fmt.Fprintf(t, "installed\t%s, installations: %s\n", count(st.Repositories, "repository"), counts(st.Installations))
	fmt.Fprintf(t, "incidents\t%s\n", counts(st.Incidents))
	if d := st.Downtime; d != nil {
		fmt.Fprintf(t, "was down\tfrom %s to %s\n", shown(d.From), shown(d.To))
	}
	fmt.Fprintf(t, "webhooks\t%s\n", webhooks(st.Scan))
	return t.Flush()
}

// pauseLine says what is paused, by whom and until when.
func pauseLine(p *fallback.Pause) string {
	what := "everything"
	if p.Repo != "" {
		what = strings.TrimSpace(p.Repo + " " + p.Workflow)
	}
	if !p.Active {
		what += " from " + shownShort(p.From)
	}
	until := "somebody resumes"
	if p.Until != nil {
		until = shownShort(*p.Until)
	}
	line := fmt.Sprintf("%s until %s, by %s (pause %d)", what, until, p.Actor, p.ID)
	if p.Reason != "" {
		line += ": " + p.Reason
	}
	return printable(line)
}

// webhooks says how far they were checked against GitHub's lists.
func webhooks(s api.ScanStatus) string {
	said := "compared with the runs of " + count(s.Repositories, "repository")
	if s.Doubtful > 0 {
		said += fmt.Sprintf(", in doubt for %d", s.Doubtful)
	}
	if s.Missed != nil {
		said += ", last missed " + shown(*s.Missed)
	}
	if s.Unread > 0 {
		said += "; " + count(s.Unread, "workflow") + " whose past is being read"
	}
	return said
}

// count says how many of a thing there are: "1 repository", "2 repositories".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// counts prints "3 active, 1 suspended", in a fixed order.
func counts(m map[string]int) string {
	var parts []string
	for k, n := range m {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, printable(k)))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

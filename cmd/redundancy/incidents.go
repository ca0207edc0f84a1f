package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
)

func newIncidents() *cobra.Command {
	var flags clientFlags
	var state, repo string
	var limit int
	cmd := &cobra.Command{
		Use:   "incidents [ID]",
		Short: "List what failed and what was done about it, or show one incident with its evidence",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return showIncident(cmd, c, args[0], flags.json)
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if state != "" {
				q.Set("state", state)
			}
			if repo != "" {
				q.Set("repo", repo)
			}
			var list api.IncidentList
			if err := c.call(cmd.Context(), http.MethodGet, "incidents?"+q.Encode(), nil, &list); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printIncidents(cmd.OutOrStdout(), list.Incidents)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&state, "state", "", "only these `STATES`, with commas")
	cmd.Flags().StringVar(&repo, "repo", "", "only this `OWNER/NAME`")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many, newest first")
	return cmd
}

func showIncident(cmd *cobra.Command, c *client, id string, asJSON bool) error {
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 {
		return fmt.Errorf("incident %q: want its number, as `redundancy incidents` lists it", id)
	}
	var inc fallback.Incident
	err := c.call(cmd.Context(), http.MethodGet, "incidents/"+id, nil, &inc)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return &exitError{code: exitNo, err: err}
	}
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), inc)
	}
	if err := printIncident(cmd.OutOrStdout(), inc); err != nil {
		return err
	}
	return printRisk(cmd, c, inc.Repo.FullName(), inc.Workflow)
}

func printIncidents(w io.Writer, list []fallback.Incident) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no incidents")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATE\tREPOSITORY\tWORKFLOW\tOPENED\tWHY")
	for _, i := range list {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", i.ID, printable(string(i.State)), printable(i.Repo.FullName()), printable(i.Workflow),
			i.OpenedAt.Local().Format("01-02 15:04"), printable(i.Reason))
	}
	return t.Flush()
}

func printIncident(w io.Writer, i fallback.Incident) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "incident %d\t%s: %s\n", i.ID, printable(string(i.State)), printable(i.Reason))
	fmt.Fprintf(t, "workflow\t%s in %s\n", printable(i.Workflow), printable(i.Repo.FullName()))
	fmt.Fprintf(t, "run\t%s attempt %d, %s\n", printable(i.RunURL), i.Attempt, printable(i.Conclusion))
	for _, s := range i.Steps {
		fmt.Fprintf(t, "step %d\t%s: %s\t%s\n", s.Step, printable(s.Kind), printable(string(s.State)), printable(s.Reason))
	}
	fmt.Fprintln(t, "timeline\t")
	for _, e := range i.Timeline {
		move := string(e.From) + " → " + string(e.To)
		if e.From == e.To {
			move = string(e.To)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", e.At.Local().Format("15:04:05.000"), printable(move), printable(e.Reason))
	}
	return t.Flush()
}

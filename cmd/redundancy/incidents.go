package main

import (
	"cmp"
	"context"
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
	var state, repo, signal, workflow string
	var before, upstream int64
	var all bool
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
			if all && cmd.Flags().Changed("limit") {
				return errors.New("--all shows every page; --limit and --before show one")
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if state != "" {
				q.Set("state", state)
			}
			if repo != "" {
				q.Set("repo", repo)
			}
			for name, v := range map[string]string{"signal": signal, "workflow": workflow} {
				if v != "" {
					q.Set(name, v)
				}
			}
			if before != 0 {
				q.Set("before", strconv.FormatInt(before, 10))
			}
			if upstream != 0 {
				q.Set("upstream", strconv.FormatInt(upstream, 10))
			}
			list, err := incidentPages(cmd.Context(), c, q, all)
			if err != nil {
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
	cmd.Flags().StringVar(&signal, "signal", "", "only these `SIGNALS`, with commas: failed, missed, stalled, absent, disabled, upstream")
	cmd.Flags().StringVar(&workflow, "workflow", "", "only this workflow `FILE`, with or without directory and ending")
	cmd.Flags().Int64Var(&before, "before", 0, "only those before this `ID`: the next page")
	cmd.Flags().Int64Var(&upstream, "upstream", 0, "only the parts of this upstream incident, by its `ID`")
	cmd.Flags().BoolVar(&all, "all", false, "every page, and those that are part of an incident upstream")
	return cmd
}

// incidentPages reads a page, or with all every page from there on.
func incidentPages(ctx context.Context, c *client, q url.Values, all bool) (api.IncidentList, error) {
	const page = 1000 // the most that the server gives
	whole := api.IncidentList{Incidents: []fallback.Incident{}}
	if all {
		q.Set("limit", strconv.Itoa(page))
		q.Set("all", "true")
	}
	for {
		var list api.IncidentList
		if err := c.call(ctx, http.MethodGet, "incidents?"+q.Encode(), nil, &list); err != nil {
			return whole, err
		}
		whole.Incidents = append(whole.Incidents, list.Incidents...)
		if n := len(list.Incidents); !all || n < page {
			return whole, nil
		}
		q.Set("before", strconv.FormatInt(list.Incidents[len(list.Incidents)-1].ID, 10))
	}
}

func showIncident(cmd *cobra.Command, c *client, id string, asJSON bool) error {
	inc, err := readIncident(cmd, c, id)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), inc)
	}
	if err := printIncident(cmd.OutOrStdout(), inc); err != nil {
		return err
	}
	if inc.Signal == fallback.Upstream {
		return nil
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
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", i.ID, printable(string(i.State)), where(i), printable(i.Workflow),
			shownShort(i.OpenedAt), printable(i.Reason))
	}
	return t.Flush()
}

// where is the repository of an incident; an upstream one is everywhere.
func where(i fallback.Incident) string {
	if i.Signal == fallback.Upstream {
		return "all"
	}
	return printable(i.Repo.FullName())
}

func printIncident(w io.Writer, i fallback.Incident) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "incident %d\t%s: %s\n", i.ID, printable(string(i.State)), printable(i.Reason))
	if i.Signal == fallback.Upstream {
		fmt.Fprintf(t, "upstream\t%s; its parts: redundancy incidents --upstream %d\n", printable(i.Workflow), i.ID)
	} else {
		fmt.Fprintf(t, "workflow\t%s in %s\n", printable(i.Workflow), printable(i.Repo.FullName()))
		if i.Run != 0 {
			fmt.Fprintf(t, "run\t%s attempt %d, %s\n", printable(i.RunURL), i.Attempt, printable(cmp.Or(i.Conclusion, "not concluded")))
		}
	}
	for _, s := range i.Steps {
		fmt.Fprintf(t, "step %d\t%s: %s\t%s\n", s.Step, printable(s.Kind), printable(string(s.State)), printable(s.Reason))
	}
	fmt.Fprintln(t, "timeline\t")
	for _, e := range i.Timeline {
		move := string(e.From) + " → " + string(e.To)
		if e.From == e.To {
			move = string(e.To)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", shownExactly(e.At), printable(move), printable(e.Reason))
	}
	return t.Flush()
}

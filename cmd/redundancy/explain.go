package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/fallback"
)

func newExplain() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Tell the story of an incident: what was seen, tried and proven, what holds it, what to do",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			inc, err := readIncident(cmd, c, args[0])
			if err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"id": inc.ID, "state": inc.State, "explanation": inc.Explanation})
			}
			for _, line := range inc.Explanation {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), printable(line)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}

// readIncident reads one; exit 1 when there is none.
func readIncident(cmd *cobra.Command, c *client, id string) (fallback.Incident, error) {
	var inc fallback.Incident
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 {
		return inc, fmt.Errorf("incident %q: want its number, as `redundancy incidents` lists it", id)
	}
	err := c.call(cmd.Context(), http.MethodGet, "incidents/"+id, nil, &inc)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return inc, &exitError{code: exitNo, err: err}
	}
	return inc, err
}

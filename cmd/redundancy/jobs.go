package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
)

func newJobs() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List work that gave up; `jobs retry ID` runs it again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			var list api.JobList
			if err := c.call(cmd.Context(), http.MethodGet, "jobs", nil, &list); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			if len(list.Jobs) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "no job gave up")
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tKIND\tATTEMPTS\tSINCE\tLAST ERROR")
			for _, j := range list.Jobs {
				first, _, _ := strings.Cut(j.LastError, "\n") // a stack may follow
				fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%s\n", j.ID, printable(j.Kind), j.Attempts, shownShort(j.CreatedAt), printable(first))
			}
			return t.Flush()
		},
	}
	flags.add(cmd)
	cmd.AddCommand(newJobsRetry())
	return cmd
}

func newJobsRetry() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "retry ID",
		Short: "Run a job again that gave up",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n, err := strconv.ParseInt(args[0], 10, 64); err != nil || n < 1 {
				return fmt.Errorf("job %q: want its number, as `redundancy jobs` lists it", args[0])
			}
			return post(cmd, &flags, "jobs/"+args[0]+"/retry", "job "+args[0]+" is enqueued")
		},
	}
	flags.add(cmd)
	return cmd
}

// post sends a request that is only accepted or refused. Not found is the
// answer "no", exit 1.
func post(cmd *cobra.Command, flags *clientFlags, path, said string) error {
	c, err := flags.client()
	if err != nil {
		return err
	}
	var got map[string]any
	err = c.call(cmd.Context(), http.MethodPost, path, nil, &got)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return &exitError{code: exitNo, err: err}
	}
	if err != nil {
		return err
	}
	if flags.json {
		return printJSON(cmd.OutOrStdout(), got)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
	return err
}

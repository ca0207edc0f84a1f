package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
)

func newRecover() *cobra.Command {
	var flags clientFlags
	var in api.RecoverRequest
	cmd := &cobra.Command{
		Use:   "recover OWNER/NAME [WORKFLOW]",
		Short: "Recover a watched workflow now: exit 0 accepted, 1 refused",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			in.Repo = args[0]
			if len(args) == 2 {
				in.Target = args[1]
			}
			var got fallback.Answer
			err = c.call(cmd.Context(), http.MethodPost, "recover", in, &got)
			var refused *refusedError
			if errors.As(err, &refused) && refused.status == http.StatusConflict {
				return &exitError{code: exitNo, err: err}
			}
			if err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), got)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), printable(got.Message))
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	cmd.Flags().StringVar(&in.Key, "key", "", "the same key again acts only once")
	return cmd
}

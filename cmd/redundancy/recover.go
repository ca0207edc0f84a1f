package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
)

func newRecover() *cobra.Command {
	var flags clientFlags
	var in api.RecoverRequest
	cmd := &cobra.Command{
		Use:   "recover OWNER/NAME [WORKFLOW] | recover --done INCIDENT",
		Short: "Recover a watched workflow now, or say that it was done: exit 0 accepted, 1 refused",
		Long: "With --done an incident in doubt is closed because its work was done: nothing is started.\n" +
			"`redundancy explain INCIDENT` shows what is known of it.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			in.Actor = operator()
			switch {
			case in.Done && len(args) == 2:
				return fmt.Errorf("recover --done takes the number of an incident, not %q", args)
			case in.Done:
				in.Incident, err = strconv.ParseInt(strings.TrimPrefix(args[0], "#"), 10, 64)
				if err != nil || in.Incident < 1 {
					return fmt.Errorf("recover --done: %q is no number of an incident", args[0])
				}
			default:
				in.Repo, in.Target = args[0], strings.Join(args[1:], "")
			}
			err = ask(cmd, c, flags.json, "recover", in)
			var refused *refusedError
			if in.Done && errors.As(err, &refused) && refused.status == http.StatusNotFound {
				return &exitError{code: exitNo, err: err} // no such incident, as for explain
			}
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	cmd.Flags().BoolVar(&in.Done, "done", false, "the work of this INCIDENT, which is in doubt, was done")
	cmd.Flags().StringVar(&in.Key, "key", "", "the same key again acts only once")
	return cmd
}

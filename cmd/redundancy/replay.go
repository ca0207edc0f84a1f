package main

import (
	"net/url"

	"github.com/spf13/cobra"
)

func newReplay() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "replay DELIVERY_ID",
		Short: "Handle a stored webhook delivery again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return post(cmd, &flags, "deliveries/"+url.PathEscape(args[0])+"/replay", "delivery "+args[0]+" is enqueued")
		},
	}
	flags.add(cmd)
	return cmd
}

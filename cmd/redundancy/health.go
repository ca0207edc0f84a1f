package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
)

func newHealth() *cobra.Command {
	var flags clientFlags
	var live bool
	cmd := &cobra.Command{
		Use:   "health [OWNER/NAME]",
		Short: "Say whether all is well: exit 0 healthy, 1 not healthy, 2 unreachable",
		Long: "Healthy means that the server is ready and no watched workflow has an open incident\n" +
			"that is confirmed. Suspicions, workflows that a person has disabled, and what is paused are shown beside.\n" +
			"The score, from 0 to 100, is about the last weeks and makes nothing unhealthy; --json shows its formula.\n" +
			"With OWNER/NAME it is about that repository, with each workflow's figures and risk.\n" +
			"--live only asks whether the process answers, for container health checks; it needs no token.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			if live {
				return c.live(cmd.Context())
			}
			var h api.Health
			path := "health"
			if len(args) == 1 {
				path += "?" + url.Values{"repo": {args[0]}}.Encode()
			}
			err = c.call(cmd.Context(), http.MethodGet, path, nil, &h)
			var refused *refusedError
			if errors.As(err, &refused) && refused.status == http.StatusServiceUnavailable {
				return &exitError{code: exitNo, err: err} // it answers, and knows why not
			}
			if err != nil {
				return err
			}
			if flags.json {
				err = printJSON(cmd.OutOrStdout(), h)
			} else {
				err = printHealth(cmd.OutOrStdout(), h, len(args) == 1)
			}
			if err == nil && !h.Healthy {
				err = &exitError{code: exitNo}
			}
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&live, "live", false, "only ask whether the server answers")
	return cmd
}

// live asks /healthz, without the token.
func (c *client) live(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/healthz").String(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(c.base.String(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &exitError{code: exitNo, err: fmt.Errorf("%s/healthz answers %s", c.base, resp.Status)}
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
)

func newGuardToken() *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "guard-token OWNER/NAME",
		Short: "Print the token under which workflows of a repository ask for its claims, and nothing else",
		Long: "The token is derived from the server's API token: it is valid until that one changes, and is\n" +
			"printed again by the same call. Put it into a secret of the repository.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			if c.token == "" {
				return errors.New("there is no API token to derive it from: set REDUNDANCY_API_TOKEN to the server's token")
			}
			var list api.RepositoryList
			if err := c.call(cmd.Context(), http.MethodGet, "repositories", nil, &list); err != nil {
				return err
			}
			for _, r := range list.Repositories {
				if !strings.EqualFold(r.FullName, args[0]) {
					continue
				}
				token := api.GuardToken(c.token, r.ID)
				if flags.json {
					return printJSON(cmd.OutOrStdout(), map[string]any{"repository": r.FullName, "repository_id": r.ID, "token": token})
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), token)
				return err
			}
			return fmt.Errorf("the App is not installed on %s: check the spelling, or add the repository to the App's installation on GitHub", args[0])
		},
	}
	flags.add(cmd)
	return cmd
}

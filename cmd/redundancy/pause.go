package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
)

func newPause() *cobra.Command {
	var flags clientFlags
	var in api.PauseRequest
	var from, until string
	var list, all bool
	cmd := &cobra.Command{
		Use:   "pause [WORKFLOW] [DURATION]",
		Short: "Hold automatic recovery back: of a workflow, a repository, or everything",
		Long: "Without --repo everything is paused, with it the repository, with a workflow only that one; for a\n" +
			"duration such as 30m, 2h or 1d, or until `redundancy resume`. With --from it is a maintenance window.\n" +
			"Trouble is still noticed and recorded. --list shows what is paused, and when windows begin.",
		Example: "  redundancy pause 2h --reason \"database move\"\n  redundancy pause marketing-sync 1d --repo acme/site\n" +
			"  redundancy pause --repo acme/site --from 2026-12-01T22:00:00Z --until 2026-12-02T02:00:00Z",
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			switch {
			case all && !list:
				return errors.New("--all belongs to --list; without --repo everything is paused")
			case list && len(args) > 0:
				return fmt.Errorf("pause --list takes no %q", args[0])
			case list:
				return listPauses(cmd, c, flags.json, all)
			}
			if err := readPause(&in, args, from, until, time.Now()); err != nil { //nolint:forbidigo // a person's "from now"
				return err
			}
			return ask(cmd, c, flags.json, "pause", in)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&in.Repo, "repo", "", "only this `OWNER/NAME`")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record and for those who ask")
	cmd.Flags().StringVar(&from, "from", "", "begin then: a `TIME` such as 2026-12-01T22:00:00Z, or a duration from now")
	cmd.Flags().StringVar(&until, "until", "", "end then: a `TIME`, instead of a duration")
	cmd.Flags().StringVar(&in.Key, "key", "", "the same key again acts only once")
	cmd.Flags().BoolVar(&list, "list", false, "show pauses in force and to come")
	cmd.Flags().BoolVar(&all, "all", false, "with --list: show those that are over, too")
	return cmd
}

// readPause reads "[WORKFLOW] [DURATION]" and the moments. A single word is a
// duration when it reads as one.
func readPause(in *api.PauseRequest, args []string, from, until string, now time.Time) error {
	var err error
	if n := len(args); n > 0 {
		length := in.Duration.UnmarshalText([]byte(args[n-1]))
		if length == nil {
			args = args[:n-1]
		} else if n == 2 || looksLikeDuration(args[0]) {
			return fmt.Errorf("duration: %w", length)
		}
	}
	if len(args) == 1 {
		in.Target = args[0]
	}
	if in.Target != "" && in.Repo == "" {
		return fmt.Errorf("pause %s: --repo OWNER/NAME says whose workflow it is", in.Target)
	}
	if in.From, err = moment(from, now); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if in.Until, err = moment(until, now); err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	in.Actor = operator()
	return nil
}

// looksLikeDuration tells "2x" and "-5m", which are mistyped, from the name of a
// workflow file.
func looksLikeDuration(word string) bool {
	digits := strings.TrimLeft(word, "+-")
	return len(digits) > 0 && digits[0] >= '0' && digits[0] <= '9' && len(word) <= 6 && !strings.Contains(word, ".")
}

// moment reads a time of RFC 3339 or a duration from now; "" is the zero time.
func moment(v string, now time.Time) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	var d config.Duration
	if d.UnmarshalText([]byte(v)) == nil {
		return now.Add(d.Std()), nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time such as 2026-12-01T22:00:00Z nor a duration", v)
	}
	return t, nil
}

// operator is who calls, as this machine knows him: the token says nothing of it.
func operator() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "cli"
	}
	return "cli:" + u.Username[:min(len(u.Username), 90)]
}

func newResume() *cobra.Command {
	var flags clientFlags
	var in api.ResumeRequest
	cmd := &cobra.Command{
		Use:   "resume [WORKFLOW]",
		Short: "End a pause; what was held back goes on: exit 0 resumed, 1 nothing was paused",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.client()
			if err != nil {
				return err
			}
			in.Target = strings.Join(args, "")
			if in.Target != "" && in.Repo == "" {
				return fmt.Errorf("resume %s: --repo OWNER/NAME says whose workflow it is", in.Target)
			}
			in.Actor = operator()
			return ask(cmd, c, flags.json, "resume", in)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&in.Repo, "repo", "", "only this `OWNER/NAME`")
	cmd.Flags().Int64Var(&in.ID, "id", 0, "this pause, as `redundancy pause --list` numbers it; windows to come are ended so")
	return cmd
}

// ask sends a wish and prints the sentence that comes back: exit 1 when it is refused,
// 2 when the App does not cover the repository, as for every command.
func ask(cmd *cobra.Command, c *client, asJSON bool, path string, in any) error {
	var got fallback.Answer
	err := c.call(cmd.Context(), http.MethodPost, path, in, &got)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusConflict {
		return &exitError{code: exitNo, err: err}
	}
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), got)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), printable(got.Message))
	return err
}

func listPauses(cmd *cobra.Command, c *client, asJSON, all bool) error {
	q := url.Values{}
	if all {
		q.Set("all", "true")
	}
	var list api.PauseList
	if err := c.call(cmd.Context(), http.MethodGet, "pauses?"+q.Encode(), nil, &list); err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printPauses(cmd.OutOrStdout(), list.Pauses)
}

func printPauses(w io.Writer, list []fallback.Pause) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "nothing is paused")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tWHAT\tFROM\tUNTIL\tACTIVE\tBY\tWHY")
	for _, p := range list {
		what, until := "everything", "resumed"
		if p.Repo != "" {
			what = strings.TrimSpace(p.Repo + " " + p.Workflow)
		}
		if p.Until != nil {
			until = shownShort(*p.Until)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%t\t%s\t%s\n", p.ID, printable(what), shownShort(p.From), until, p.Active, printable(p.Actor), printable(p.Reason))
	}
	return t.Flush()
}

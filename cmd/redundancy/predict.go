package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/risk"
)

func newPredict() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Say how far a workflow's history foretells its failures",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBacktest())
	return cmd
}

func newBacktest() *cobra.Command {
	var flags clientFlags
	var repo, file string
	var synthetic uint64
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Replay the history and hold the risk score against plain baselines",
		Long: "Every run is predicted when it starts, from what had ended by then. It prints AUC, Brier score and skill against\n" +
			"the base rate and the last outcome, beside them what the same outcomes give in another order, or \"not enough signal\"\n" +
			"when that is the truth. Exit 0 in both cases.\n" +
			"The history is that of the server, or of --csv FILE (- is standard input) with the columns workflow, started_at,\n" +
			"completed_at and conclusion, for which no server is needed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var res risk.Result
			var err error
			local := cmd.Flags().Changed("synthetic") || file != ""
			switch {
			case file != "" && cmd.Flags().Changed("synthetic"), local && repo != "":
				return errors.New("--csv, --synthetic and --repo exclude each other")
			case file != "":
				res, err = backtestFile(cmd.InOrStdin(), cmd.ErrOrStderr(), file)
			case local:
				res = risk.Backtest(risk.Generate(risk.Regimes(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), synthetic), risk.Options{Seed: 1})
			default:
				var c *client
				if c, err = flags.client(); err != nil {
					return err
				}
				path := "risk/backtest"
				if repo != "" {
					path += "?" + url.Values{"repo": {repo}}.Encode()
				}
				err = c.call(cmd.Context(), http.MethodGet, path, nil, &res)
			}
			if err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), res)
			}
			return printBacktest(cmd.OutOrStdout(), res)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&repo, "repo", "", "only this `OWNER/NAME`")
	cmd.Flags().StringVar(&file, "csv", "", "read the history from this `FILE`")
	cmd.Flags().Uint64Var(&synthetic, "synthetic", 0, "make a history up from this `SEED`")
	return cmd
}

func backtestFile(stdin io.Reader, notes io.Writer, file string) (risk.Result, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return risk.Result{}, err
		}
		defer f.Close()
		in = f
	}
	runs, skipped, err := risk.ReadCSV(in)
	if err != nil {
		return risk.Result{}, fmt.Errorf("%s: %w", file, err)
	}
	if skipped > 0 {
		if _, err := fmt.Fprintf(notes, "left out: %s (re-runs, not ended, or neither success nor failure)\n", count(skipped, "run")); err != nil {
			return risk.Result{}, err
		}
	}
	return risk.Backtest(runs, risk.Options{Seed: 1}), nil
}

func printBacktest(out io.Writer, r risk.Result) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, printable(r.Verdict))
	if r.N == 0 {
		return t.Flush()
	}
	fmt.Fprintf(t, "n %d of %d runs (%d of burn-in), %d workflows, %d days from %s to %s\n", r.N, r.Runs, r.BurnIn, r.Workflows, r.Days,
		r.From.Format(time.DateOnly), r.To.Format(time.DateOnly))
	fmt.Fprintf(t, "base rate %.1f %% failed (%d), %d bad periods of three or more in a row; alarms from a risk of %.0f %% on\n", 100*r.BaseRate, r.Failures, r.BadPeriods, 100*r.Threshold)
	fmt.Fprintf(t, "in brackets the chance level: the same predictor on the same outcomes in another order, %s\n\n", count(r.Shuffles, "shuffle"))
	fmt.Fprintln(t, "PREDICTOR\tAUC\tAUC IN A WORKFLOW-DAY\tBRIER\tSKILL: BASE RATE\tLAST OUTCOME\tDETECTED\tLEAD\tFALSE ALARMS A WEEK")
	for _, p := range r.Predictors {
		fmt.Fprintf(t, "%s\t%s%s (%s)\t%s (%s)\t%.3f\t%s%s\t%s%s\t%d of %d (%s)\t%s (%s)\t%s\n", printable(p.Name), figure(p.AUC), between(p.AUC95), figure(p.AUCChance), figure(p.WithinDay), figure(p.WithinDayChance), p.Brier,
			figure(p.SkillBase), between(p.SkillBase95), figure(p.SkillLast), between(p.SkillLast95), p.Detected, r.BadPeriods, share(p.DetectedChance), span(p.Lead), span(p.LeadChance), figure(p.FalsePerWeek))
	}
	return t.Flush()
}

func figure(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *v)
}

func share(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100**v)
}

func between(i *risk.Interval) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" [%.3f, %.3f]", i.Low, i.High)
}

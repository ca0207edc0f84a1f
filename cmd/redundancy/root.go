package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "redundancy",
		Short:         "Keeps a project's automation running: detects, recovers, proves",
		SilenceErrors: true, // main prints the one line
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newServe(), newStatus(), newHealth(), newPredict(), newIncidents(), newExplain(), newRecover(), newPause(), newResume(), newGuardToken(),
		newJobs(), newReplay(), newDemo(), newVersion(),
	)
	root.SetFlagErrorFunc(wrongFlag)
	for _, cmd := range allCommands(root) {
		sayUsage(cmd)
	}
	return root
}

// allCommands are the commands below cmd.
func allCommands(cmd *cobra.Command) (all []*cobra.Command) {
	for _, c := range cmd.Commands() {
		all = append(append(all, c), allCommands(c)...)
	}
	return all
}

// sayUsage makes a wrong number of arguments an error that says what to write.
func sayUsage(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if !strings.HasPrefix(err.Error(), "unknown command") {
			err = fmt.Errorf("%s given", count(len(args), "argument"))
		}
		return fmt.Errorf("%w; write: %s", err, cmd.UseLine())
	}
}

// wrongValue is how the library tells of a flag's value that it cannot read; it
// goes on with the words of the function that parses it.
var wrongValue = regexp.MustCompile(`^invalid argument (".*") for "(?:-., )?--([a-z0-9-]+)" flag: `)

// wrongFlag says what a flag takes.
func wrongFlag(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("; `%s --help` lists what it takes", cmd.CommandPath())
	m := wrongValue.FindStringSubmatch(err.Error())
	if m == nil {
		return errors.New(err.Error() + hint)
	}
	want := "another value"
	if flag := cmd.Flags().Lookup(m[2]); flag != nil {
		switch flag.Value.Type() {
		case "int", "int64":
			want = "a whole number"
		case "uint64":
			want = "a whole number from 0 on"
		case "bool":
			want = "true or false"
		}
	}
	if strings.Contains(err.Error(), "out of range") {
		want = "a smaller number"
	}
	return fmt.Errorf("--%s %s: want %s%s", m[2], m[1], want, hint)
}

// knownCommand refuses what is no command, with the nearest one.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := "`redundancy help` lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", near[0])
	}
	return fmt.Errorf("unknown command %q: %s", args[0], hint)
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "redundancy "+version)
			return err
		},
	}
}

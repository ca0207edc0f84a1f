// Package comment reads the commands that people write into comments, and
// describes them: the answer to "/redundancy help" and docs/commands.md are
// generated from the one list here. It calls nobody and knows no state.
package comment

import (
	"fmt"
	"strings"
)

// Prefix starts a command, at the first column of a line.
const Prefix = "/redundancy"

// Names of the commands.
const (
	Recover  = "recover"
	Status   = "status"
	Validate = "validate"
	Help     = "help"
	Pause    = "pause"
	Resume   = "resume"
	Explain  = "explain"
)

// Command describes itself.
type Command struct {
	Name        string
	Usage       string // arguments only, "" for none
	Description string
	WhoCanUse   string
	Examples    []string
	MaxArgs     int
	// Later is set for a command whose name is taken, but which this version
	// cannot run.
	Later bool
}

const writers = "People with write access to the repository at that moment."

// Commands lists what there is, in the order of the help.
var Commands = []Command{
	{
		Name: Recover, Usage: "[target]", MaxArgs: 1, WhoCanUse: writers,
		Description: "Starts the recovery of a watched workflow now. The target is the workflow's file, with or without directory and ending; it can be left out when only one workflow is watched.",
		Examples:    []string{"/redundancy recover", "/redundancy recover marketing-sync"},
	},
	{
		Name: Status, MaxArgs: 0, WhoCanUse: writers,
		Description: "Lists the watched workflows with their state and their last incident.",
		Examples:    []string{"/redundancy status"},
	},
	{
		Name: Validate, MaxArgs: 0, WhoCanUse: writers,
		Description: "Runs `redundancy / validate` again: on the head of the pull request, or on the default branch when written in an issue.",
		Examples:    []string{"/redundancy validate"},
	},
	{
		Name: Help, MaxArgs: 0, WhoCanUse: writers,
		Description: "Shows this list.",
		Examples:    []string{"/redundancy help"},
	},
	{
		Name: Pause, Usage: "[target] [duration]", MaxArgs: 2, WhoCanUse: writers, Later: true,
		Description: "Suspends automatic recovery.",
	},
	{
		Name: Resume, Usage: "[target]", MaxArgs: 1, WhoCanUse: writers, Later: true,
		Description: "Ends a pause.",
	},
	{
		Name: Explain, Usage: "<incident>", MaxArgs: 1, WhoCanUse: writers, Later: true,
		Description: "Shows what was decided in an incident, and why.",
	},
}

func lookup(name string) (Command, bool) {
	for _, c := range Commands {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

// Synopsis is the command with its arguments.
func (c Command) Synopsis() string {
	return strings.TrimSpace(Prefix + " " + c.Name + " " + c.Usage)
}

// HelpText is the answer to "/redundancy help", in Markdown.
func HelpText() string {
	var b strings.Builder
	b.WriteString("| command | does |\n|---|---|\n")
	for _, c := range Commands {
		if !c.Later {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.Synopsis(), c.Description)
		}
	}
	fmt.Fprintf(&b, "\nA command starts at the beginning of a line and needs write access to this repository. The first %d commands of a comment are run in their order.\n", MaxCommands)
	return b.String()
}

// Documentation is docs/commands.md.
func Documentation() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!-- Generated from commands/comment; "go test ./commands/comment -update" writes it. -->
# Commands in comments

Write a command into a new comment on an issue or a pull request, at the first column of a line.
Commands in quotes, code and HTML comments are ignored, and so are edited comments and bots.
The first %d commands of a comment are run in their order; a note says so when there are more.

The App asks GitHub for the author's permission at that moment. With write access the comment gets
an :eyes: reaction, and after the work :rocket: or :confused:. Without it the answer is a refusal. All
answers of one thread stand in one comment of the App, which is edited in place.
`, MaxCommands)
	for _, c := range Commands {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n", c.Synopsis(), c.Description)
		if c.Later {
			b.WriteString("\nNot available in this version: the answer says so.\n")
			continue
		}
		fmt.Fprintf(&b, "\nWho can use it: %s\n\n", c.WhoCanUse)
		for _, e := range c.Examples {
			fmt.Fprintf(&b, "    %s\n", e)
		}
	}
	return b.String()
}

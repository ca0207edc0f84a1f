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
	Done     = "done"
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
	MinArgs     int
	MaxArgs     int
}

const writers = "People with write access to the repository at that moment."

// Commands lists what there is, in the order of the help.
var Commands = []Command{
	{
		Name: Recover, Usage: "[target]", MaxArgs: 1, WhoCanUse: writers,
		Description: "Starts the recovery of a watched workflow now. The target is the workflow's file, with or without directory and ending; it can be left out when only one workflow is watched, or only one has trouble.",
		Examples:    []string{"/redundancy recover", "/redundancy recover marketing-sync"},
	},
	{
		Name: Done, Usage: "<incident>", MinArgs: 1, MaxArgs: 1, WhoCanUse: writers,
		Description: "Says that the work of an incident in doubt was done. The incident is closed, and nothing is done again.",
		Examples:    []string{"/redundancy done 12"},
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
		Name: Pause, Usage: "[target] [duration]", MaxArgs: 2, WhoCanUse: writers,
		Description: "Holds automatic recovery back: of a watched workflow, or of the whole repository without a target; for a time such as `30m`, `2h` or `1d`, or until somebody resumes. Trouble is still noticed and recorded, and what is under way is followed to its end.",
		Examples:    []string{"/redundancy pause", "/redundancy pause 2h", "/redundancy pause marketing-sync 1d"},
	},
	{
		Name: Resume, Usage: "[target]", MaxArgs: 1, WhoCanUse: writers,
		Description: "Ends the pause of a workflow, or every pause of the repository and its workflows without a target. What was held back goes on.",
		Examples:    []string{"/redundancy resume", "/redundancy resume marketing-sync"},
	},
	{
		Name: Explain, Usage: "<incident>", MinArgs: 1, MaxArgs: 1, WhoCanUse: writers,
		Description: "Tells the story of an incident: what was seen, why it was believed, what was tried, what proves its end, what holds it back, and what a person can do.",
		Examples:    []string{"/redundancy explain 12"},
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
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Synopsis(), c.Description)
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
		fmt.Fprintf(&b, "\nWho can use it: %s\n\n", c.WhoCanUse)
		for _, e := range c.Examples {
			fmt.Fprintf(&b, "    %s\n", e)
		}
	}
	return b.String()
}

// Command redundancy keeps a project's automation running: `redundancy serve`
// is the GitHub App, the other commands talk to a running one or work alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redundancy-app/redundancy/agent/action"
)

// version is set by the linker.
var version = "dev"

// Exit codes, the same for every command.
const (
	exitNo    = 1 // the answer is "no": unhealthy, failed recovery, findings
	exitUsage = 2 // usage, configuration or connection error
)

// exitError carries an exit code other than exitUsage.
type exitError struct {
	code int
	err  error // nil: the output said it already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:])) }

// run is main with a result, so that tests can call it as a command.
func run(args []string) int {
	if len(args) == 2 && args[0] == action.SupervisorCommand {
		return action.Supervise(args[1])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitUsage
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	fmt.Fprintln(os.Stderr, oneLine(err))
	return code
}

// oneLine is what a command says of an error: what, where, what to do. A cause
// of several lines (a YAML excerpt, a stack) would hide the first one.
func oneLine(err error) string {
	return "redundancy: " + printable(strings.Join(strings.Fields(strings.ReplaceAll(plain(err), "\n", "; ")), " "))
}

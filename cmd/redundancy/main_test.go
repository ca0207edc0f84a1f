package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redundancy-app/redundancy/agent/action"
)

// TestMain makes this test binary the program as well: scripts call it as
// `redundancy`, and a running server starts it as the supervisor of an action.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == action.SupervisorCommand {
		os.Exit(run(os.Args[1:]))
	}
	testscript.Main(m, map[string]func(){
		"redundancy": func() { os.Exit(run(os.Args[1:])) },
	})
}

// TestScripts runs the commands as a person would: testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", "")
			return nil
		},
	})
}

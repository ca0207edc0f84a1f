package action

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/config"
)

// patience is the outer bound of every wait, in real time.
const patience = 20 * time.Second

// TestMain is three programs: the tests, the supervisor, and an App that asks
// for a run and can be killed meanwhile.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == SupervisorCommand {
		os.Exit(Supervise(os.Args[2]))
	}
	if len(os.Args) == 5 && os.Args[1] == "app" {
		app(os.Args[2], os.Args[3], os.Args[4])
	}
	goleak.VerifyTestMain(m)
}

// app runs the script at path under id.
func app(dir, id, path string) {
	r, err := New(Config{Dir: dir, Actions: map[string]config.Action{"a": pinned(path)}})
	if err == nil {
		_, err = r.Run(context.Background(), Request{ID: id, Claim: "claim", Name: "a"})
	}
	fmt.Fprintln(os.Stderr, "app:", err)
	os.Exit(1)
}

// pinned is the action that runs the script at path by itself.
func pinned(path string) config.Action {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return config.Action{Argv: []string{path}, SHA256: hexSum(string(data))}
}

func hexSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// bench is a directory with a script and a Runner for it.
type bench struct {
	t      *testing.T
	dir    string // of the script, and its working directory
	script string
	runner *Runner
	action config.Action
	env    map[string]string
}

// newBench writes a shell script with the given lines.
func newBench(t *testing.T, lines ...string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), env: map[string]string{}}
	b.script = filepath.Join(b.dir, "script.sh")
	if err := os.WriteFile(b.script, []byte("#!/bin/sh\n"+strings.Join(lines, "\n")+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.action = pinned(b.script)
	r, err := New(Config{
		Dir: filepath.Join(t.TempDir(), "actions"), Grace: 100 * time.Millisecond, Actions: map[string]config.Action{},
		LookupEnv: func(name string) (string, bool) { v, ok := b.env[name]; return v, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.runner = r
	return b
}

// run runs the action as it is now under id.
func (b *bench) run(id string) (Result, error) {
	b.t.Helper()
	b.runner.cfg.Actions["a"] = b.action
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return b.runner.Run(ctx, Request{ID: id, Claim: "claim", Name: "a"})
}

// must is run without an error.
func (b *bench) must(id string) Result {
	b.t.Helper()
	res, err := b.run(id)
	if err != nil {
		b.t.Fatalf("run: %v", err)
	}
	return res
}

// file reads a file that the script wrote.
func (b *bench) file(name string) string {
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return string(data)
}

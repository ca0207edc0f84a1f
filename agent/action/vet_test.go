package action

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/config"
)

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*testing.T, *bench)
		reason string
	}{
		"no pin":                 {func(_ *testing.T, b *bench) { b.action.SHA256 = "" }, "sha256"},
		"changed content":        {func(t *testing.T, b *bench) { must(t, os.WriteFile(b.script, []byte("#!/bin/sh\nexit 1\n"), 0o700)) }, "pinned is"},
		"file writable by all":   {func(t *testing.T, b *bench) { must(t, os.Chmod(b.script, 0o702)) }, "writable by everybody"},
		"folder writable by all": {func(t *testing.T, b *bench) { must(t, os.Chmod(b.dir, 0o1777)) }, "writable by everybody"},
		"no argv":                {func(_ *testing.T, b *bench) { b.action.Argv = nil }, "argv is empty"},
		"relative command":       {func(_ *testing.T, b *bench) { b.action.Argv = []string{"./script.sh"} }, "relative path"},
		"unknown command":        {func(_ *testing.T, b *bench) { b.action.Argv = []string{"no-such-program", b.script} }, "absolute path"},
		"nothing to pin":         {func(_ *testing.T, b *bench) { b.action.Argv = []string{"sh", "-c", b.script} }, "nothing to pin"},
		"no such file":           {func(_ *testing.T, b *bench) { b.action.Argv = []string{b.script + "x"} }, "nothing to pin"},
		"no script":              {func(_ *testing.T, b *bench) { b.action.Argv = []string{"/bin/sh"} }, "nothing to pin"},
		"option before script":   {func(_ *testing.T, b *bench) { b.action.Argv = []string{"/bin/sh", "-e", b.script} }, "nothing to pin"},
		"launcher":               {func(_ *testing.T, b *bench) { b.action.Argv = []string{"/usr/bin/env", "sh", b.script} }, "its pin would pin nothing"},
		"launcher by name":       {func(_ *testing.T, b *bench) { b.action.Argv = []string{"nice", b.script} }, "its pin would pin nothing"},
		"launcher by a link": {func(t *testing.T, b *bench) {
			link := filepath.Join(b.dir, "harmless")
			must(t, os.Symlink("/usr/bin/env", link))
			b.action.Argv = []string{link, "sh", b.script}
		}, "its pin would pin nothing"},
		"program by name":     {func(_ *testing.T, b *bench) { b.action.Argv = []string{"cat", b.script} }, "something to pin"},
		"second script":       {func(t *testing.T, b *bench) { b.action.Argv = []string{"sh", b.script, b.other(t, "x.py", 0o600)} }, "does not cover"},
		"executable argument": {func(t *testing.T, b *bench) { b.action.Argv = []string{b.script, b.other(t, "x", 0o700)} }, "does not cover"},
		"code in an option":   {func(t *testing.T, b *bench) { b.action.Argv = []string{b.script, "--use=" + b.other(t, "x.js", 0o600)} }, "does not cover"},
		"isolation":           {func(_ *testing.T, b *bench) { b.action.Isolation = config.IsolationRequired }, "no sandbox"},
		"unset variable":      {func(_ *testing.T, b *bench) { b.action.Env = []string{"NOT_SET"} }, "NOT_SET is not set"},
		"unknown user":        {func(_ *testing.T, b *bench) { b.action.User = "no-such-user" }, "no-such-user"},
		"no cwd":              {func(_ *testing.T, b *bench) { b.action.Dir = b.dir + "/no" }, "cwd"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "exit 0")
			tc.change(t, b)
			res, err := b.run("refused")
			if !errors.Is(err, ErrRefused) || res.State != NotStarted || !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("%+v, %v", res, err)
			}
			if entries, _ := os.ReadDir(b.runner.cfg.Dir); len(entries) != 0 {
				t.Errorf("the refusal left %v, and would stand when its cause is mended", entries)
			}
		})
	}
	t.Run("unknown name", func(t *testing.T) {
		b := newBench(t, "exit 0")
		if _, err := b.runner.Run(context.Background(), Request{ID: "x", Name: "rm -rf /"}); !errors.Is(err, ErrNoAction) {
			t.Error(err)
		}
	})
}

func TestPinnedElement(t *testing.T) {
	b := newBench(t, "exit 0")
	shell := filepath.Join(b.dir, "sh")
	must(t, os.WriteFile(filepath.Join(b.dir, "busybox"), nil, 0o700))
	must(t, os.Symlink("busybox", shell))
	for name, tc := range map[string]struct {
		argv []string
		want string
	}{
		"program":             {[]string{b.script, "--all"}, b.script},
		"interpreter by name": {[]string{"sh", b.script}, b.script},
		"interpreter by path": {[]string{"/bin/sh", b.script}, b.script},
		"itself again":        {[]string{"/bin/sh", b.script, b.script}, b.script},
		"data as argument":    {[]string{b.script, b.other(t, "data.json", 0o600)}, b.script},
		"no such argument":    {[]string{b.script, b.dir + "/missing.sh"}, b.script},
		"a link to busybox":   {[]string{shell, b.script}, b.script},
		"folder as argument":  {[]string{b.script, b.dir}, b.script},
	} {
		t.Run(name, func(t *testing.T) {
			argv, script, err := command(tc.argv)
			if err != nil || script != tc.want || !filepath.IsAbs(argv[0]) {
				t.Errorf("%v pins %s, %v", argv, script, err)
			}
		})
	}
}

// A file that changes between the check in the App and the start is caught in
// the supervisor.
func TestCheckedAgainAtTheStart(t *testing.T) {
	b := newBench(t, "exit 0")
	b.runner.cfg.Actions["a"] = b.action
	s, env, err := b.runner.vet(Request{Name: "a"})
	must(t, err)
	must(t, os.WriteFile(b.script, []byte("#!/bin/sh\necho ran > ran\n"), 0o700))
	j := journal(filepath.Join(b.runner.cfg.Dir, "late"))
	must(t, os.Mkdir(string(j), 0o700))
	lock, err := j.lock(context.Background())
	must(t, err)
	must(t, j.launch(s, env, lock))
	lock.Close()
	res, err := b.runner.Resolve(context.Background(), "late", "")
	if err != nil || res.State != NotStarted || !strings.Contains(res.Reason, "pinned is") || b.file("ran") != "" {
		t.Errorf("%+v, %v", res, err)
	}
}

// As root, what is written into the file while it runs does not reach the run:
// shells read their script piece by piece.
func TestWritingIntoARunningScript(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for a mount namespace")
	}
	b := newBench(t, "echo up > ready", "cat go", `cat "$0"`, `echo more >> "$0" || echo read-only`)
	ready, goOn := b.fifo("ready"), b.fifo("go")
	original := b.file("script.sh")
	done := make(chan Result, 1)
	go func() { done <- b.must("self") }()
	readFIFO(t, ready)
	must(t, os.WriteFile(b.script, []byte("#!/bin/sh\nexit 9\n"), 0o700))
	must(t, os.WriteFile(goOn, nil, 0o600))
	res := <-done
	if res.State != Succeeded || !strings.HasPrefix(string(res.Output), original) || !strings.HasSuffix(string(res.Output), "read-only\n") {
		t.Errorf("%s, %s: %s", res.State, res.Reason, res.Output)
	}
}

func TestUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	b := newBench(t, "id -un; id -Gn; cat /proc/self/stat > /dev/null; ls "+"\"$JOURNALS\" || echo closed")
	must(t, os.Chmod(filepath.Dir(b.dir), 0o755)) // the other user has to get there
	must(t, os.Chmod(b.script, 0o755))            // and to read it
	b.env["JOURNALS"] = b.runner.cfg.Dir
	b.action.Env, b.action.User = []string{"JOURNALS"}, "nobody"
	res := b.must("as-nobody")
	if out := string(res.Output); res.State != Succeeded || !strings.HasPrefix(out, "nobody\nnogroup\n") || !strings.HasSuffix(out, "closed\n") {
		t.Errorf("%s, %s: %s", res.State, res.Reason, out)
	}
}

// other writes a file beside the script.
func (b *bench) other(t *testing.T, name string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	must(t, os.WriteFile(path, []byte("x"), mode))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

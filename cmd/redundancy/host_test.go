package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// agent.yml says what runs with our rights: whoever can write it or put another
// file in its place runs anything.
func TestWhoMayWriteAgentYML(t *testing.T) {
	const content = "actions: {}\n"
	chown := func(uid int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			if err := os.Chown(path, uid, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	chmod := func(mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := func(f func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, path string) { f(t, filepath.Dir(path)) }
	}
	for name, tc := range map[string]struct {
		change func(t *testing.T, path string)
		says   string // "" when it is accepted
	}{
		"ours":                   {chmod(0o644), ""},
		"group may write":        {chmod(0o664), "chmod go-w it"},
		"everybody may write":    {chmod(0o602), "chmod go-w it"},
		"another user's":         {chown(65534), "belongs to uid 65534"},
		"folder of another user": {dir(chown(65534)), "belongs to uid 65534"},
		"folder for the group":   {dir(chmod(0o770)), "chmod go-w it"},
		"folder for everybody":   {dir(chmod(0o777)), "chmod go-w it"},
		"sticky folder, as /tmp": {dir(chmod(0o777 | os.ModeSticky)), ""},
		"folder to read":         {dir(chmod(0o755)), ""},
		"a link into an open folder": {func(t *testing.T, path string) {
			open := filepath.Join(t.TempDir(), "open")
			elsewhere := filepath.Join(open, "agent.yml")
			if err := os.Mkdir(open, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path, elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
			chmod(0o777)(t, open)
		}, "chmod go-w it"},
		"a fifo": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
		"at the limit":   {grow(256 << 10), ""},
		"over the limit": {grow(256<<10 + 1), "at most 262144"},
		"far over it":    {grow(maxAgentFile + 1), "larger than 1 MiB"},
		"a broken one":   {func(t *testing.T, path string) { write(t, path, "actoins: {}\n") }, "actions"},
		"none":           {func(t *testing.T, path string) { _ = os.Remove(path) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent.yml")
			write(t, path, content)
			chmod(0o700)(t, filepath.Dir(path))
			tc.change(t, path)
			_, err := loadHost(path)
			switch {
			case tc.says == "" && err != nil:
				t.Error(err)
			case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "REDUNDANCY_AGENT_CONFIG: ")):
				t.Errorf("want an error that says %q: %v", tc.says, err)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// grow makes agent.yml this many bytes long.
func grow(size int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		write(t, path, "actions: {}\n"+strings.Repeat("#", size-len("actions: {}\n")))
	}
}

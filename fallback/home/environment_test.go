package home

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A real child sees what the list says and nothing of this process.
func TestEnvironmentCanary(t *testing.T) {
	const canary = "canary-5ac1"
	dir := t.TempDir() // it asks for TMPDIR itself
	t.Setenv("AGENT_SECRET", canary)
	t.Setenv("HOME", "/"+canary)
	t.Setenv("TMPDIR", "/"+canary)
	t.Setenv("PUBLISH_KEY", canary)
	t.Setenv("LANG", canary)
	program, err := exec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"LANG": "C.UTF-8", "AGENT_SECRET": canary}
	e := Environment{
		Home: filepath.Join(dir, "home"), Temp: filepath.Join(dir, "tmp"), Path: "/usr/bin:/bin",
		Allow:   []string{"LANG", "TZ"},
		Lookup:  func(name string) (string, bool) { v, ok := values[name]; return v, ok },
		Secrets: map[string]string{"PUBLISH_KEY": "mapped"},
	}
	list, err := e.List()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env, cmd.Dir = list, dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), canary) {
		t.Errorf("the canary got out: %s", out)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(got)
	want := []string{"HOME=" + e.Home, "LANG=C.UTF-8", "PATH=/usr/bin:/bin", "PUBLISH_KEY=mapped", "TMPDIR=" + e.Temp}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Without anything allowed or mapped the list is not empty: an empty one makes
// exec hand on the whole environment of this process.
func TestEnvironmentIsNeverEmpty(t *testing.T) {
	list, err := Environment{Home: "/h", Temp: "/t", Path: "/bin"}.List()
	if diff := cmp.Diff([]string{"HOME=/h", "PATH=/bin", "TMPDIR=/t"}, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if list, err := (Environment{}).List(); err == nil || list != nil {
		t.Errorf("%v %v", list, err)
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	const secret = "s3cr3t-value"
	some := func(string) (string, bool) { return secret, true }
	base := Environment{Home: "/h", Temp: "/t", Path: "/bin", Lookup: some}
	cases := map[string]func(*Environment){
		"relative home":   func(e *Environment) { e.Home = "h" },
		"no temp":         func(e *Environment) { e.Temp = "" },
		"no path":         func(e *Environment) { e.Path = "" },
		"relative path":   func(e *Environment) { e.Path = "/bin:." },
		"empty in path":   func(e *Environment) { e.Path = "/bin:" },
		"home twice":      func(e *Environment) { e.Allow = []string{"HOME"} },
		"path twice":      func(e *Environment) { e.Secrets = map[string]string{"PATH": secret} },
		"both":            func(e *Environment) { e.Allow, e.Secrets = []string{"A"}, map[string]string{"A": secret} },
		"loader":          func(e *Environment) { e.Allow = []string{"LD_PRELOAD"} },
		"github":          func(e *Environment) { e.Secrets = map[string]string{"GITHUB_TOKEN": secret} },
		"small letters":   func(e *Environment) { e.Allow = []string{"github_env"} },
		"actions":         func(e *Environment) { e.Allow = []string{"ACTIONS_RUNTIME_TOKEN"} },
		"runner":          func(e *Environment) { e.Allow = []string{"RUNNER_TEMP"} },
		"ours":            func(e *Environment) { e.Allow = []string{"REDUNDANCY_API_TOKEN"} },
		"name with =":     func(e *Environment) { e.Allow = []string{"A=B"} },
		"empty name":      func(e *Environment) { e.Secrets = map[string]string{"": secret} },
		"name with line":  func(e *Environment) { e.Allow = []string{"A\nB"} },
		"value with NUL":  func(e *Environment) { e.Secrets = map[string]string{"A": secret + "\x00"} },
		"value too large": func(e *Environment) { e.Secrets = map[string]string{"A": secret + strings.Repeat("x", MaxValue)} },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			e := base
			spoil(&e)
			list, err := e.List()
			if err == nil || list != nil {
				t.Fatalf("got %v", list)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the value: %v", err)
			}
		})
	}
	for n, ok := range map[int]bool{MaxValue - 1: true, MaxValue: true, MaxValue + 1: false} {
		e := base
		e.Secrets = map[string]string{"A": strings.Repeat("x", n)}
		if _, err := e.List(); (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestABrokenFirstConfigurationIsNotSilent: whoever asks the server how things
// are is told of it, with the place, until it is repaired.
func TestABrokenFirstConfigurationIsNotSilent(t *testing.T) {
	gh := startGitHub(t)
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		".github/workflows/sync-health.yml": demoFile("sync-health.yml"),
		".github/redundancy.yml":            "version: 1\nworkflows:\n  - file: sync-healt.yml\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := startInProcess(t, gh, t.TempDir(), 1)
	gh.Install("acme")
	t.Setenv("REDUNDANCY_API_TOKEN", p.cfg.APIToken.Reveal())
	asked := func(args ...string) string {
		root := newRoot()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(append(args, "--server", p.address))
		if err := root.ExecuteContext(t.Context()); err != nil && out.Len() == 0 {
			out.WriteString(oneLine(err))
		}
		return out.String()
	}
	lacks := func(out string, parts ...string) string {
		for _, part := range parts {
			if !strings.Contains(out, part) {
				return "no " + part + " in:\n" + out
			}
		}
		return ""
	}
	const place = ".github/redundancy.yml:3:11: "
	p.until(20*time.Second, func(context.Context) string {
		return lacks(asked("status"), "acme/site: "+place, "sync-healt.yml", "nothing is watched until it is repaired")
	})
	for _, tt := range []struct {
		args  string
		parts []string
	}{
		{"status --json", []string{`"broken_configurations": [`, `"repo": "acme/site"`, `"line": 3`, `"in_force": false`}},
		{"health", []string{"score none yet: the configuration of acme/site is broken: " + place}},
		{"health acme/site", []string{"score none yet: the configuration of acme/site is broken: " + place}},
		{"health acme/site --json", []string{`"why_no_score": "the configuration of acme/site is broken: `, `"line": 3`}},
	} {
		if missing := lacks(asked(strings.Fields(tt.args)...), tt.parts...); missing != "" {
			t.Errorf("%s: %s", tt.args, missing)
		}
	}
	if _, err := repo.Push("main", map[string]string{".github/redundancy.yml": "version: 1\nworkflows:\n  - file: sync-health.yml\n"}, "spell it right"); err != nil {
		t.Fatal(err)
	}
	p.until(20*time.Second, func(context.Context) string {
		if out := asked("status"); strings.Contains(out, "broken") {
			return "still told of:\n" + out
		}
		return ""
	})
	if out := asked("health", "acme/site"); strings.Contains(out, "broken") {
		t.Errorf("health still tells of it:\n%s", out)
	}
}

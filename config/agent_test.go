package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseAgentExample(t *testing.T) {
	got, findings := ParseAgent("agent.yml", example(t, "agent"))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	want := Agent{
		Server: "app.example.net:8443", Name: "home",
		PM2: &PM2{Homes: []string{"auto"}, Interval: Duration(30 * time.Second), MaxRestarts: 5, MaxMemory: 512 << 20,
			Expect: []PM2Process{{Name: "web", Probe: &Probe{HTTP: "http://127.0.0.1:3000/healthz"}}}},
		Git:     []GitCopy{{Path: "/srv/site", Branch: "main", Interval: Duration(15 * time.Minute), Push: "side-branch"}},
		Netlify: []NetlifySite{{Path: "/srv/site", SiteID: "env:NETLIFY_SITE_ID", Token: "env:NETLIFY_AUTH_TOKEN", Interval: Duration(2 * time.Minute), Probes: []FunctionProbe{{Function: "hello", Expect: 200}}}},
		Build:   []Build{{Path: "/srv/site", Interval: Duration(5 * time.Minute), Health: []string{"npm run build:health-check"}}},
		Actions: map[string]Action{"marketing-sync": {
			Argv: []string{"node", "/srv/site/automation/marketing-sync.js"}, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			Repositories: []string{"acme/site", "acme-labs/*"}, User: "deploy", Timeout: Duration(10 * time.Minute), Env: []string{"LINKEDIN_ACCESS_TOKEN"}, Isolation: IsolationRequired, Effect: AtMostOnce,
		}},
		Backup: &Backup{Interval: Duration(5 * time.Minute), Keep: Duration(30 * 24 * time.Hour), Recipients: []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseAgentMistakes(t *testing.T) {
	sum := strings.Repeat("aB", 32)
	action := func(s string) string { return "actions:\n  a: {argv: [/bin/true], sha256: " + sum + ", " + s + "}\n" }
	for name, c := range map[string]struct{ text, at, says string }{
		"unknown key":         {"actoins: {}\n", "1:1", `did you mean "actions"?`},
		"unknown in action":   {action("arv: x"), "2:100", `did you mean "argv"?`},
		"shell line":          {"actions: {a: {argv: 'rm -rf /', sha256: x}}\n", "1:21", "argv must be a list"},
		"empty argv":          {"actions: {a: {argv: [], sha256: " + sum + "}}\n", "1:21", "at least 1 needed"},
		"no program":          {"actions: {a: {argv: [''], sha256: " + sum + "}}\n", "1:22", "must not be empty"},
		"number in argv":      {"actions: {a: {argv: [/x, 80], sha256: " + sum + "}}\n", "1:26", "must be a string, not a number (80)"},
		"no hash":             {"actions: {a: {argv: [/x]}}\n", "1:14", `needs the key "sha256"`},
		"short hash":          {"actions: {a: {argv: [/x], sha256: abc}}\n", "1:35", "want a value that matches"},
		"relative directory":  {action("cwd: srv"), "2:105", "want an absolute path"},
		"value in env":        {action("env: ['A=hunter2']"), "2:106", "want the name of a variable"},
		"repository":          {action("repositories: [site]"), "2:115", "want a value that matches"},
		"repositories":        {action("repositories: ['*/*']"), "2:115", "want a value that matches"},
		"isolation":           {action("isolation: yes"), "2:111", "accepted: none, required"},
		"effect":              {action("effect: maybe"), "2:108", "accepted: idempotent"},
		"output limit":        {action("output_limit: 99999999999"), "2:114", "want from 0 to 16777216"},
		"name of an action":   {"actions: {'a b': {argv: [/x], sha256: " + sum + "}}\n", "1:11", "is no name"},
		"server without port": {"server: host\nname: x\n", "1:9", "write HOST:PORT"},
		"server without name": {"server: host:1\n", "1:9", "needs a name"},
		"PM2 home":            {"pm2: {homes: [auto, here]}\n", "1:21", `want "auto" or an absolute path`},
		"size":                {"pm2: {max_memory: much}\n", "1:19", "write it as 512MB"},
		"probe":               {"pm2: {expect: [{name: a, probe: {http: 'file:///etc/passwd'}}]}\n", "1:40", "want a value that matches ^https?://"},
		"push":                {"git: [{path: /a, push: force}]\n", "1:24", "accepted: never, side-branch"},
		"relative git":        {"git: [{path: a}]\n", "1:14", "want a value that matches ^/"},
		"reference":           {"netlify: [{path: /a, site_id: 'env:A B', token: env:T}]\n", "1:31", "write env:NAME"},
		"recipient":           {"backup: {recipients: [AGE-SECRET-KEY-1]}\n", "1:23", "want a value that matches ^age1"},
	} {
		t.Run(name, func(t *testing.T) {
			a, findings := ParseAgent("agent.yml", []byte(c.text))
			if !HasErrors(findings) || !cmp.Equal(a, Agent{}) {
				t.Fatal("accepted", a, findings)
			}
			for _, f := range findings {
				if fmt.Sprintf("%d:%d", f.Line, f.Column) == c.at && strings.Contains(f.Message, c.says) {
					return
				}
			}
			t.Errorf("no finding at %s says %q: %+v", c.at, c.says, findings)
		})
	}
}

func TestParseAgentNormalises(t *testing.T) {
	a, findings := ParseAgent("agent.yml", []byte("actions: {a: {argv: [/x], sha256: "+strings.Repeat("AB", 32)+"}}\nnetlify: [{path: /a, site_id: s, token: hunter2, probes: [{function: f}]}]\n"))
	if HasErrors(findings) {
		t.Fatal(findings)
	}
	got := a.Actions["a"]
	if got.SHA256 != strings.Repeat("ab", 32) || got.Effect != AtMostOnce || got.Isolation != IsolationNone || a.Netlify[0].Probes[0].Expect != 200 {
		t.Errorf("%+v", a)
	}
	if len(findings) != 1 || findings[0].Severity != Warning || strings.Contains(findings[0].Message, "hunter2") {
		t.Error("a token in the file is a warning", findings)
	}
}

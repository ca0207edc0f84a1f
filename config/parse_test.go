package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRepositoryExample(t *testing.T) {
	got, findings := ParseRepository(RepositoryPath, example(t, "repository"))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	minutes := func(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
	want := Repository{
		Version: 1,
		Workflows: []Workflow{{
			File:     ".github/workflows/marketing-sync.yml",
			Schedule: Schedule{Grace: minutes(15), Deadline: minutes(60), Catchup: CatchupLatest},
			Stall:    Stall{Queued: minutes(15), Running: minutes(30)},
			Effect:   AtMostOnce,
			Recover: []Step{
				{Rerun: &Rerun{Attempts: 1, When: []RerunCause{Infrastructure}}},
				{Dispatch: &Dispatch{Workflow: ".github/workflows/marketing-sync-fallback.yml", Ref: "main", Inputs: map[string]string{"reason": "failed"}}},
				{RepositoryDispatch: &RepositoryDispatch{EventType: "marketing-sync-fallback"}},
				{Run: &Run{Host: "home", Action: "marketing-sync", Timeout: minutes(10)}},
				{WorkflowAtHome: &WorkflowAtHome{Host: "home"}},
			},
			Breaker: Breaker{Failures: 5, Cooldown: minutes(5)},
			Notify:  []string{"ops"},
		}, {
			File:     ".github/workflows/sync-health.yml",
			Schedule: Schedule{Catchup: CatchupLatest},
			Effect:   AtMostOnce,
			Recover:  []Step{{Run: &Run{Host: LocalHost, Action: "git-sync"}}},
			Breaker:  Breaker{Failures: 5, Cooldown: minutes(5)},
		}},
		Hosts:    map[string]HostUse{"home": {PM2: true, Git: true, Netlify: true, Build: true}},
		Validate: Validate{Ignore: []string{"SC2086"}, Paths: map[string]PathValidate{".github/workflows/legacy-*.yml": {Ignore: []string{".*"}}}},
		Notify:   map[string]Notify{"ops": {URL: "env:OPS_NOTIFY_URL"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRepositoryDefaults(t *testing.T) {
	got, findings := ParseRepository(RepositoryPath, []byte("version: 1\nworkflows:\n- file: .github/workflows/a.yaml\n  recover: [{rerun: {}}, {repository_dispatch: {}}]\n"))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	want := []Workflow{{
		File: ".github/workflows/a.yaml", Effect: AtMostOnce, Schedule: Schedule{Catchup: CatchupLatest},
		Recover: []Step{{Rerun: &Rerun{Attempts: 1}}, {RepositoryDispatch: &RepositoryDispatch{EventType: "redundancy-fallback"}}},
		Breaker: Breaker{Failures: 5, Cooldown: Duration(5 * time.Minute)},
	}}
	if diff := cmp.Diff(want, got.Workflows); diff != "" {
		t.Error(diff)
	}
}

// Each case is one mistake; the finding must stand where the mistake is.
func TestParseRepositoryMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, at, rule, says, fix string }{
		"unknown key":         {"version: 1\nworkflows:\n- file: a.yml\n  recovr: []\n", "4:3", "config-unknown-key", `unknown key "recovr" in workflows[0], did you mean "recover"? accepted: breaker, effect, file, notify, recover, schedule, stall`, "recover"},
		"far from any key":    {"version: 1\nxyz: 1\n", "2:1", "config-unknown-key", `unknown key "xyz"; accepted: hosts`, ""},
		"wrong version":       {"version: 2\n", "1:10", "config-value", "version is 2, accepted: 1", ""},
		"no version":          {"workflows: []\n", "1:1", "config-missing-key", `needs the key "version"`, ""},
		"version as text":     {"version: '1'\n", "1:10", "config-type", "must be a whole number, not a string (1)", ""},
		"no file":             {"version: 1\nworkflows:\n- effect: guarded\n", "3:3", "config-missing-key", `workflows[0] needs the key "file"`, ""},
		"repeated key":        {"version: 1\nhosts: {}\nhosts: {}\n", "3:1", "config-duplicate-key", `key "hosts" is already set in line 2`, ""},
		"second document":     {"version: 1\n---\nversion: 1\n", "3:1", "config-syntax", "second YAML document", ""},
		"empty":               {"", "1:1", "config-syntax", "empty", ""},
		"only a comment":      {"# later\n", "1:1", "config-syntax", "empty", ""},
		"a list":              {"- version: 1\n", "1:1", "config-type", "the file must be a mapping", ""},
		"tab":                 {"version: 1\nhosts:\n\thome: {}\n", "3:1", "config-syntax", "a tab indents this line", "indent with spaces"},
		"conflict":            {"version: 1\n<<<<<<< HEAD\nhosts: {}\n=======\n>>>>>>> x\n", "2:1", "config-syntax", `merge conflict marker "<<<<<<<"`, ""},
		"control character":   {"version: 1\nhosts: {a\x00b: {}}\n", "2:10", "config-syntax", "control character", ""},
		"invalid UTF-8":       {"version: 1\n# \xff\n", "2:3", "config-syntax", "UTF-8", ""},
		"tag":                 {"version: !!int 1\n", "1:10", "config-syntax", "tag !!int is not supported", ""},
		"merge key":           {"version: 1\nhosts: {a: &a {pm2: true}, b: {<<: *a}}\n", "2:32", "config-syntax", "merge key", ""},
		"alias to nothing":    {"version: 1\nhosts: *nothing\n", "2:8", "config-syntax", "alias *nothing", ""},
		"alias to itself":     {"version: 1\nhosts: &a {x: *a}\n", "2:15", "config-syntax", "alias *a", ""},
		"null":                {"version: 1\nworkflows:\n", "2:1", "config-type", "workflows has no value", ""},
		"two kinds":           {"version: 1\nworkflows:\n- file: a.yml\n  recover:\n  - rerun: {}\n    repository_dispatch: {}\n", "5:5", "config-value", "exactly one kind", ""},
		"no kind":             {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{}]\n", "4:13", "config-value", "exactly one kind", ""},
		"unknown kind":        {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{dispach: {workflow: b.yml}}]\n", "4:14", "config-unknown-key", `did you mean "dispatch"?`, "dispatch"},
		"kind as word":        {"version: 1\nworkflows:\n- file: a.yml\n  recover: [rerun]\n", "4:13", "config-type", "recover[0] must be a mapping", ""},
		"enum":                {"version: 1\nworkflows:\n- file: a.yml\n  effect: guardd\n", "4:11", "config-value", `did you mean "guarded"? accepted: idempotent, guarded, at_most_once`, "guarded"},
		"enum in a list":      {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{rerun: {when: [flaky, infra]}}]\n", "4:36", "config-value", "accepted: infrastructure, flaky, code", ""},
		"attempts":            {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{rerun: {attempts: 11}}]\n", "4:32", "config-value", "want from 1 to 10", ""},
		"attempts zero":       {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{rerun: {attempts: 0}}]\n", "4:32", "config-value", "want from 1 to 10", ""},
		"failures":            {"version: 1\nworkflows:\n- file: a.yml\n  breaker: {failures: 0}\n", "4:23", "config-value", "want from 1 to 1000", ""},
		"failures with point": {"version: 1\nworkflows:\n- file: a.yml\n  breaker: {failures: 1.5}\n", "4:23", "config-type", "whole number", ""},
		"span without unit":   {"version: 1\nworkflows:\n- file: a.yml\n  stall: {queued: 15}\n", "4:19", "config-value", "write it as 90s, 15m", ""},
		"span of zero":        {"version: 1\nworkflows:\n- file: a.yml\n  stall: {queued: 0s}\n", "4:19", "config-value", "longer than 0s", ""},
		"negative span":       {"version: 1\nworkflows:\n- file: a.yml\n  stall: {queued: -5m}\n", "4:19", "config-value", "write it as 90s", ""},
		"deadline":            {"version: 1\nworkflows:\n- file: a.yml\n  schedule: {grace: 2h, deadline: 1h}\n", "4:35", "config-value", "deadline 1h is shorter than grace 2h", ""},
		"outside":             {"version: 1\nworkflows:\n- file: ../a.yml\n", "3:9", "config-value", "directly in .github/workflows", "a.yml"},
		"outside by path":     {"version: 1\nworkflows:\n- file: .github/workflows/../../a.yml\n", "3:9", "config-value", "directly in", "a.yml"},
		"no ending":           {"version: 1\nworkflows:\n- file: marketing-sync\n", "3:9", "config-value", "must end in .yml", "marketing-sync.yml"},
		"only an ending":      {"version: 1\nworkflows:\n- file: .yml\n", "3:9", "config-value", "has no name", ""},
		"backslash":           {"version: 1\nworkflows:\n- file: a\\b.yml\n", "3:9", "config-value", "backslash", ""},
		"watched twice":       {"version: 1\nworkflows:\n- file: a.yml\n- file: .github/workflows/a.yml\n", "4:9", "config-duplicate-key", "already watched by workflows[0]", ""},
		"unknown host":        {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{run: {host: hom, action: x}}]\nhosts: {home: {}}\n", "4:26", "config-reference", `unknown host "hom", did you mean "home"?; known: local, home`, "home"},
		"action name":         {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{run: {host: local, action: 'rm -rf /'}}]\n", "4:41", "config-value", "want a value that matches", ""},
		"unknown target":      {"version: 1\nworkflows:\n- file: a.yml\n  notify: [opps]\nnotify: {ops: {url: 'env:X'}}\n", "4:12", "config-reference", `did you mean "ops"?`, "ops"},
		"host name":           {"version: 1\nhosts: {'a b': {}}\n", "2:9", "config-value", "is no name", ""},
		"yes is no boolean":   {"version: 1\nhosts: {a: {pm2: yes}}\n", "2:18", "config-type", "must be true or false, not a string (yes)", ""},
		"regular expression":  {"version: 1\nvalidate: {ignore: ['a(']}\n", "2:21", "config-value", "no regular expression", ""},
		"glob":                {"version: 1\nvalidate: {paths: {'a[': {}}}\n", "2:20", "config-value", "no glob", ""},
		"event type":          {"version: 1\nworkflows:\n- file: a.yml\n  recover: [{repository_dispatch: {event_type: ''}}]\n", "4:48", "config-value", "must not be empty", ""},
		"number as text":      {"version: 1\nworkflows:\n- file: 7\n", "3:9", "config-type", "must be a string, not a number (7)", `"7"`},
		"notify without env":  {"version: 1\nnotify: {ops: {url: 'env:A-B'}}\n", "2:21", "config-value", "neither a URL", "env:NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			r, findings := ParseRepository("x.yml", []byte(c.text))
			if !HasErrors(findings) || !cmp.Equal(r, Repository{}) {
				t.Fatalf("accepted: %+v, %v", r, findings)
			}
			for _, f := range findings {
				if f.File == "x.yml" && fmt.Sprintf("%d:%d", f.Line, f.Column) == c.at && f.Rule == c.rule && strings.Contains(f.Message, c.says) && f.Fix == c.fix {
					return
				}
			}
			t.Errorf("no finding at %s of rule %s says %q with fix %q:\n%+v", c.at, c.rule, c.says, c.fix, findings)
		})
	}
}

func TestParseRepositoryReportsAllMistakes(t *testing.T) {
	_, findings := ParseRepository("x.yml", []byte("version: 3\nworkflws: []\nworkflows:\n- file: a\n  effect: x\n  recover: [{rerun: {attempts: 0}, run: {}}]\nvalidate: {ignore: ['(', ')']}\n"))
	var at []string
	for _, f := range findings {
		at = append(at, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Rule))
	}
	want := []string{
		"1:10 config-value", "2:1 config-unknown-key", "4:9 config-value", "5:11 config-value",
		"6:13 config-value", "6:32 config-value", "6:41 config-missing-key", "6:41 config-missing-key",
		"7:21 config-value", "7:26 config-value",
	}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Error(diff)
	}
}

func TestParseRepositoryAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark":   "\ufeffversion: 1\n",
		"CRLF":              "version: 1\r\nhosts:\r\n  a: {pm2: true}\r\n",
		"document markers":  "---\nversion: 1\n...\n",
		"JSON":              `{"version": 1, "hosts": {"a": {"pm2": true}}}`,
		"anchor and alias":  "version: 1\nworkflows:\n- {file: a.yml, recover: &r [{rerun: {}}]}\n- {file: b.yml, recover: *r}\n",
		"unquoted inputs":   "version: 1\nworkflows:\n- file: a.yml\n  recover: [{dispatch: {workflow: b.yml, inputs: {n: 3, dry: true, x: 1.50}}}]\n",
		"local is declared": "version: 1\nhosts: {local: {git: true}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			r, findings := ParseRepository("x.yml", []byte(text))
			if len(findings) > 0 || r.Version != 1 {
				t.Fatal(r, findings)
			}
			if name == "unquoted inputs" {
				want := map[string]string{"n": "3", "dry": "true", "x": "1.50"}
				if diff := cmp.Diff(want, r.Workflows[0].Recover[0].Dispatch.Inputs); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOriginalIsWhatTheDocumentationSays(t *testing.T) {
	got, findings := ParseOriginal(OriginalPath, example(t, "original"))
	want, _ := ParseRepository("", example(t, "repository-from-original"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var notices []string
	for _, f := range findings {
		notices = append(notices, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Severity))
	}
	if diff := cmp.Diff([]string{"10:25 notice", "10:57 notice"}, notices); diff != "" {
		t.Errorf("an action that the host must vet is announced where it is named: %s", diff)
	}
}

// The long shape, with the defaults that were shipped.
const longShape = `{
  "version": "2.0.0", "description": "x", "generatedAt": "2025-08-17T00:00:00.000Z", "enabled": true,
  "enhanced": {"enabled": true, "githubActionsManager": {"enabled": true, "workflows": {"default": {"enabled": true}, "agents": {"enabled": false}}}},
  "pm2": {"enabled": true, "processes": []},
  "githubActions": {"enabled": true, "checkInterval": 60000, "maxFailures": "4", "retryDelay": 1500, "workflows": ["marketing-sync.yml", "agents.yml", ".github/workflows/marketing-sync.yml"], "autoTrigger": false},
  "netlify": {"enabled": false},
  "marketing": {"enabled": true, "fallbackScripts": ["automation/marketing-sync.js", "scripts\\linkedin.cjs"]},
  "git": {"enabled": true, "syncStrategy": "hardreset"}, "build": {}, "monitoring": {"alertThreshold": 0.8},
  "redundancy": {"enabled": true, "failoverEnabled": true}, "notifications": {"enabled": false}, "another": null
}`

func TestParseOriginalLongShape(t *testing.T) {
	got, findings := ParseOriginal(OriginalPath, []byte(longShape))
	want := Repository{Version: 1,
		Workflows: []Workflow{{
			File: ".github/workflows/marketing-sync.yml", Effect: AtMostOnce, Schedule: Schedule{Catchup: CatchupLatest},
			Breaker: Breaker{Failures: 4, Cooldown: Duration(1500 * 1e6)},
			Recover: []Step{{Run: &Run{Host: LocalHost, Action: "marketing-sync"}}},
		}},
		Hosts: map[string]HostUse{LocalHost: {PM2: true, Git: true, Build: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, f := range findings {
		if f.Severity != Notice {
			t.Error(f)
		}
	}
}

func TestParseOriginalSwitches(t *testing.T) {
	for name, c := range map[string]struct {
		text           string
		watched, steps int
	}{
		"nothing said":        {`{}`, 2, 2},
		"all off":             {`{"enabled": false}`, 0, 0},
		"as text":             {`{"enabled": "false"}`, 0, 0},
		"actions off":         {`{"githubActions": {"enabled": false, "workflows": ["a.yml"]}}`, 0, 0},
		"one block only":      {`{"githubActions": {"workflows": ["a.yml"]}}`, 1, 1},
		"no workflows":        {`{"githubActions": {"workflows": []}}`, 0, 0},
		"no failover":         {`{"redundancy": {"failoverEnabled": false}}`, 2, 0},
		"no recovery":         {`{"redundancy": {"autoRecovery": false}}`, 2, 0},
		"redundancy off":      {`{"redundancy": {"enabled": false}}`, 2, 0},
		"no trigger":          {`{"githubActions": {"autoTrigger": false}}`, 2, 0},
		"scripts are off":     {`{"githubActions": {"workflows": ["a.yml"]}, "marketing": {"enabled": false, "fallbackScripts": ["a.js"]}}`, 1, 1},
		"script of another":   {`{"githubActions": {"workflows": ["a.yml", "b.yml"], "fallbackScripts": ["x/b.js"]}}`, 2, 3},
		"script for all":      {`{"githubActions": {"workflows": ["a.yml", "b.yml"], "fallbackScripts": ["x/c.js"]}}`, 2, 4},
		"the same one twice":  {`{"githubActions": {"workflows": ["a.yml"], "fallbackScripts": ["x/c.js", "y/c.cjs"]}}`, 1, 2},
		"a key set twice":     {`{"githubActions": {"workflows": ["a.yml"]}, "githubActions": {"workflows": []}}`, 0, 0},
		"turned off by name":  {`{"githubActions": {"workflows": ["a.yml"]}, "enhanced": {"githubActionsManager": {"workflows": {"a": {"enabled": false}}}}}`, 0, 0},
		"nonsense is no":      {`{"githubActions": {"enabled": 7}}`, 0, 0},
		"null is not said":    {`{"githubActions": {"enabled": null, "workflows": ["a.yml"]}}`, 1, 1},
		"a block is a number": {`{"githubActions": 5}`, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r, findings := ParseOriginal(OriginalPath, []byte(c.text))
			if HasErrors(findings) {
				t.Fatal(findings)
			}
			steps := 0
			for _, w := range r.Workflows {
				steps += len(w.Recover)
			}
			if len(r.Workflows) != c.watched || steps != c.steps {
				t.Errorf("%d watched with %d steps, want %d with %d: %+v", len(r.Workflows), steps, c.watched, c.steps, r.Workflows)
			}
		})
	}
}

func TestParseOriginalWarns(t *testing.T) {
	for name, c := range map[string]struct{ text, at, says string }{
		"path outside":   {`{"githubActions": {"workflows": ["../../x.yml"]}}`, "1:34", "ignored"},
		"no string":      {`{"githubActions": {"workflows": [5]}}`, "1:34", "must be a string, not a number"},
		"no list":        {`{"githubActions": {"workflows": "a.yml"}}`, "1:33", "must be a list"},
		"no number":      {`{"githubActions": {"maxFailures": "many"}}`, "1:35", "githubActions.maxFailures is no number"},
		"too large":      {`{"githubActions": {"retryDelay": 1e300}}`, "1:34", "no number"},
		"not a flag":     {`{"githubActions": {"enabled": "perhaps"}}`, "1:31", "neither true nor false"},
		"script of none": {`{"githubActions": {"fallbackScripts": ["-rf /"]}}`, "1:40", "is no script"},
	} {
		t.Run(name, func(t *testing.T) {
			_, findings := ParseOriginal(OriginalPath, []byte(c.text))
			for _, f := range findings {
				if fmt.Sprintf("%d:%d", f.Line, f.Column) == c.at && f.Severity == Warning && strings.Contains(f.Message, c.says) {
					return
				}
			}
			t.Errorf("no warning at %s says %q: %+v", c.at, c.says, findings)
		})
	}
}

func TestParseOriginalBroken(t *testing.T) {
	for name, c := range map[string]struct{ text, at, says string }{
		"conflict":     {"{\n<<<<<<< HEAD\n  \"a\": 1\n", "2:1", "merge conflict marker"},
		"semicolon":    {"{\n  \"a\": 1;\n}", "2:9", "invalid character ';'"},
		"cut":          {"{\n  \"a\": [1,\n", "3:1", "ends in the middle"},
		"empty":        {"", "1:1", "ends in the middle"},
		"more after":   {"{} {}", "1:4", "after top-level value"},
		"a list":       {"[]", "1:1", "must be a JSON object, not a list"},
		"not JSON":     {"module.exports = {}", "1:1", "invalid character 'm'"},
		"nested":       {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "1:66", "nested too deep"},
		"control":      {"{\x01}", "1:2", "control character"},
		"many members": {"[" + strings.Repeat("1,", MaxSize/2-10) + "1]", "1:40001", "too many values"},
	} {
		t.Run(name, func(t *testing.T) {
			r, findings := ParseOriginal(OriginalPath, []byte(c.text))
			if !HasErrors(findings) || !cmp.Equal(r, Repository{}) {
				t.Fatal("accepted", r, findings)
			}
			if f := findings[0]; fmt.Sprintf("%d:%d", f.Line, f.Column) != c.at || !strings.Contains(f.Message, c.says) {
				t.Errorf("want %s saying %q, got %+v", c.at, c.says, f)
			}
		})
	}
}

func TestReferencesOfTheOriginalAreWarnings(t *testing.T) {
	text := []byte("{\"githubActions\": {\"workflows\": [\n\"a.yml\",\n\"gone.yml\"]}}")
	r, _ := ParseOriginal(OriginalPath, text)
	got := CheckReferences(OriginalPath, text, r, map[string]WorkflowFacts{".github/workflows/a.yml": {}})
	if len(got) != 1 || got[0].Severity != Warning || got[0].Line != 3 || got[0].Column != 1 {
		t.Errorf("%+v", got)
	}
}

package config

import (
	"strings"
	"testing"
)

func TestStartedByPush(t *testing.T) {
	for name, tc := range map[string]struct {
		on     string
		branch string
		want   bool
	}{
		"plain":                         {"on: push", "main", true},
		"in a list":                     {"on: [push, pull_request]", "main", true},
		"null":                          {"on: {push: }", "main", true},
		"empty":                         {"on: {push: {}}", "main", true},
		"not at all":                    {"on: {schedule: [{cron: '0 6 * * *'}]}", "main", false},
		"named":                         {"on: {push: {branches: [main]}}", "main", true},
		"another one is named":          {"on: {push: {branches: [release]}}", "main", false},
		"a single text":                 {"on: {push: {branches: main}}", "main", true},
		"star":                          {"on: {push: {branches: ['*']}}", "main", true},
		"star does not cross":           {"on: {push: {branches: ['*']}}", "release/1", false},
		"two stars cross":               {"on: {push: {branches: ['**']}}", "release/1", true},
		"in the middle":                 {"on: {push: {branches: ['rel*/**/x']}}", "release/1/2/x", true},
		"only a part":                   {"on: {push: {branches: ['mai']}}", "main", false},
		"the last one decides":          {"on: {push: {branches: ['**', '!main']}}", "main", false},
		"and again":                     {"on: {push: {branches: ['!main', 'ma*']}}", "main", true},
		"only negated":                  {"on: {push: {branches: ['!release']}}", "main", false},
		"one of the character before":   {"on: {push: {branches: ['mainx?']}}", "main", true},
		"one or more of it":             {"on: {push: {branches: ['v[0-9]+.x']}}", "v12.x", true},
		"none of it":                    {"on: {push: {branches: ['v[0-9]+.x']}}", "v.x", false},
		"a dot is a dot":                {"on: {push: {branches: ['m.in']}}", "main", false},
		"as it stands":                  {`on: {push: {branches: ['a\+b']}}`, "a+b", true},
		"a set of odd characters":       {`on: {push: {branches: ['[^a]x']}}`, "^x", true},
		"letters of more than one byte": {"on: {push: {branches: ['hauptäst+']}}", "hauptästt", true},
		"ignored":                       {"on: {push: {branches-ignore: ['ma*']}}", "main", false},
		"another one is ignored":        {"on: {push: {branches-ignore: ['release/**']}}", "main", true},
		"only tags":                     {"on: {push: {tags: ['v*']}}", "main", false},
		"tags and branches":             {"on: {push: {tags: ['v*'], branches: [main]}}", "main", true},
		"paths":                         {"on: {push: {paths: ['src/**']}}", "main", false},
		"paths that are ignored":        {"on: {push: {paths-ignore: ['docs/**']}}", "main", false},
		"no pattern":                    {"on: {push: {branches: ['[main', main]}}", "main", false},
		"ends in a backslash":           {`on: {push: {branches: ['main\', main]}}`, "main", false},
		"repeats nothing":               {"on: {push: {branches: ['+', main]}}", "main", false},
		"at the limit":                  {"on: {push: {branches: ['" + strings.Repeat("m", maxPattern) + "']}}", strings.Repeat("m", maxPattern), true},
		"over it":                       {"on: {push: {branches: ['" + strings.Repeat("m", maxPattern+1) + "']}}", strings.Repeat("m", maxPattern+1), false},
	} {
		t.Run(name, func(t *testing.T) {
			facts, _ := ReadWorkflow("x.yml", []byte(tc.on+"\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n"))
			if got := facts.StartedByPush(tc.branch); got != tc.want {
				t.Errorf("%v, want %v (facts %+v, %+v)", got, tc.want, facts, facts.Push)
			}
		})
	}
}

// What is not certain is not expected.
func TestDamagedFileExpectsNoPush(t *testing.T) {
	facts, err := ReadWorkflow("x.yml", []byte("on: push\njobs: {a: {steps: 7}}\n"))
	if err == nil || facts.StartedByPush("main") {
		t.Errorf("facts %+v, %v", facts, err)
	}
}

func FuzzMatchRef(f *testing.F) {
	f.Add("rel*/**", "release/1")
	f.Add(`v[0-9]+.\x?`, "v12.x")
	f.Add("[", "")
	f.Add("ä+", "ää")
	f.Fuzz(func(t *testing.T, pattern, branch string) {
		match, sure := matchRef(pattern, branch)
		if match && !sure {
			t.Error("matches a pattern that is not understood")
		}
		if len(pattern) <= maxPattern && strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz-_/") == "" && (match != (pattern == branch) || !sure) {
			t.Errorf("a plain name: %v, %v", match, sure)
		}
	})
}

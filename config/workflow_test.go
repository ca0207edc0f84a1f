package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const workflowText = `name: Marketing sync
on:
  push:
  schedule:
    - cron: '*/15 * * * *'
    - cron: '0 9 * * 1-5'
      timezone: Europe/Berlin
  workflow_dispatch:
    inputs:
      Reason: {required: true, type: string}
      mode: {required: true, type: choice, options: [fast, full], default: fast}
      dry: {type: boolean}
  repository_dispatch:
    types: [marketing-sync-fallback]
jobs:
  sync:
    runs-on: ubuntu-latest
    steps:
      - run: echo
`

func TestReadWorkflow(t *testing.T) {
	got, err := ReadWorkflow("w.yml", []byte(workflowText))
	if err != nil {
		t.Fatal(err)
	}
	want := WorkflowFacts{
		Name:     "Marketing sync",
		Triggers: map[string]bool{"push": true, "schedule": true, "workflow_dispatch": true, "repository_dispatch": true},
		DispatchInputs: map[string]DispatchInput{
			"reason": {Required: true}, "mode": {Required: true, HasDefault: true, Options: []string{"fast", "full"}}, "dry": {Boolean: true},
		},
		RepositoryDispatchTypes: []string{"marketing-sync-fallback"},
		Crons:                   []Cron{{Spec: "*/15 * * * *"}, {Spec: "0 9 * * 1-5", Timezone: "Europe/Berlin"}},
		Push:                    &Push{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Dispatchable() || !got.ListensRepositoryDispatch("marketing-sync-fallback") || got.ListensRepositoryDispatch("other") {
		t.Error("dispatchable", got.Dispatchable())
	}
}

func TestReadWorkflowForms(t *testing.T) {
	const jobs = "jobs: {a: {runs-on: x, steps: [{run: a}]}}\n"
	for name, c := range map[string]struct {
		text     string
		triggers string
		partial  bool
	}{
		"word":              {"on: workflow_dispatch\n" + jobs, "workflow_dispatch", false},
		"list":              {"on: [push, workflow_dispatch]\n" + jobs, "push workflow_dispatch", false},
		"null trigger":      {"on:\n  workflow_dispatch:\n" + jobs, "workflow_dispatch", false},
		"no name":           {"on: push\n" + jobs, "push", false},
		"wrong job key":     {"on: workflow_dispatch\njobs: {a: {runs_on: x, steps: [{run: a}]}}\n", "workflow_dispatch", true},
		"true for on":       {"true:\n  push:\n" + jobs, "", true},
		"conflict":          {"on: push\n<<<<<<< HEAD\n" + jobs, "", true},
		"not YAML":          {"on: [push\n", "", true},
		"empty":             {"", "", true},
		"brackets":          {strings.Repeat("[", 100_000), "", true},
		"dashes":            {strings.Repeat("- ", 100_000), "", true},
		"brackets in bash":  {"on: push\njobs: {a: {runs-on: x, steps: [{run: 'if [[ a ]]; then x=${y}; fi'}]}}\n", "push", false},
		"any dispatch type": {"on: repository_dispatch\n" + jobs, "repository_dispatch", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ReadWorkflow("w.yml", []byte(c.text))
			if f.Partial != c.partial || (err != nil) != c.partial {
				t.Errorf("partial is %v, error %v", f.Partial, err)
			}
			want := map[string]bool{}
			for _, name := range strings.Fields(c.triggers) {
				want[name] = true
			}
			if diff := cmp.Diff(want, f.Triggers); diff != "" {
				t.Error(diff)
			}
			if f.Triggers["repository_dispatch"] && !f.ListensRepositoryDispatch("anything") {
				t.Error("does not listen to every type")
			}
		})
	}
}

func TestCronSchedule(t *testing.T) {
	at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		cron Cron
		next string // in UTC; empty: an error
	}{
		"UTC":            {Cron{Spec: "30 5 * * *"}, "2026-03-29T05:30:00Z"},
		"after DST":      {Cron{Spec: "30 5 * * *", Timezone: "Europe/Berlin"}, "2026-03-29T03:30:00Z"},
		"names":          {Cron{Spec: "0 0 * * MON"}, "2026-03-30T00:00:00Z"},
		"six fields":     {Cron{Spec: "0 0 0 * * *"}, ""},
		"descriptor":     {Cron{Spec: "@daily"}, ""},
		"zone in cron":   {Cron{Spec: "CRON_TZ=UTC 0 0 * * *"}, ""},
		"no such zone":   {Cron{Spec: "0 0 * * *", Timezone: "Mars/Base"}, ""},
		"the local zone": {Cron{Spec: "0 0 * * *", Timezone: "Local"}, ""},
		"out of range":   {Cron{Spec: "61 * * * *"}, ""},
		"empty":          {Cron{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, zone, err := c.cron.Schedule()
			if err != nil {
				if c.next != "" {
					t.Error(err)
				}
				return
			}
			if got := s.Next(at.In(zone)).UTC().Format(time.RFC3339); got != c.next {
				t.Errorf("next is %s, want %q", got, c.next)
			}
		})
	}
}

func TestCheckReferences(t *testing.T) {
	facts := func(text string) WorkflowFacts {
		f, _ := ReadWorkflow("w", []byte(text))
		return f
	}
	const jobs = "jobs: {a: {runs-on: x, steps: [{run: a}]}}\n"
	workflows := map[string]WorkflowFacts{
		".github/workflows/full.yml":    facts(workflowText),
		".github/workflows/plain.yml":   facts("on: push\n" + jobs),
		".github/workflows/broken.yml":  facts("on: [push\n"),
		".github/workflows/never.yml":   facts("on: {schedule: [{cron: '0 0 31 2 *'}]}\n" + jobs),
		".github/workflows/badcron.yml": {Triggers: map[string]bool{"schedule": true}, Crons: []Cron{{Spec: "* * *"}}},
	}
	head := "version: 1\nworkflows:\n- file: "
	dispatch := func(s string) string {
		return head + "plain.yml\n  recover:\n  - dispatch: " + s + "\n"
	}
	for name, c := range map[string]struct {
		text, at string
		severity Severity
		says     string // empty: no finding
	}{
		"all is well":             {dispatch("{workflow: full.yml, inputs: {reason: x, mode: full, dry: true}}"), "", "", ""},
		"case of inputs":          {dispatch("{workflow: full.yml, inputs: {REASON: x}}"), "", "", ""},
		"a default will do":       {dispatch("{workflow: full.yml, inputs: {reason: x}}"), "", "", ""},
		"no such watched":         {head + "plian.yml\n", "3:9", Error, "no workflow .github/workflows/plian.yml, did you mean .github/workflows/plain.yml?"},
		"no such target":          {dispatch("{workflow: nope-at-all.yml}"), "5:26", Error, "no workflow .github/workflows/nope-at-all.yml"},
		"not dispatchable":        {dispatch("{workflow: plain.yml}"), "5:26", Error, "has no workflow_dispatch trigger"},
		"nothing about a broken":  {dispatch("{workflow: broken.yml}"), "", "", ""},
		"unknown input":           {dispatch("{workflow: full.yml, inputs: {reason: x, reasn: y}}"), "5:56", Error, `has no input "reasn"; it has: dry, mode, reason`},
		"required input missing":  {dispatch("{workflow: full.yml, inputs: {mode: full}}"), "5:44", Error, `requires the input "reason"`},
		"no inputs at all":        {dispatch("{workflow: full.yml}"), "5:15", Error, `requires the input "reason"`},
		"no such option":          {dispatch("{workflow: full.yml, inputs: {reason: x, mode: slow}}"), "5:62", Error, "takes fast, full"},
		"no boolean":              {dispatch("{workflow: full.yml, inputs: {reason: x, dry: 'no'}}"), "5:61", Error, "takes true or false"},
		"listened to":             {head + "plain.yml\n  recover: [{repository_dispatch: {event_type: marketing-sync-fallback}}]\n", "", "", ""},
		"cron that never comes":   {head + "never.yml\n", "3:9", Warning, "no date matches"},
		"cron that is none":       {head + "badcron.yml\n", "3:9", Warning, "never started by its schedule"},
		"grace without schedule":  {head + "plain.yml\n  schedule: {grace: 5m}\n", "4:13", Warning, "has no schedule trigger"},
		"grace with a schedule":   {head + "full.yml\n  schedule: {grace: 5m}\n", "", "", ""},
		"grace of a broken one":   {head + "broken.yml\n  schedule: {grace: 5m}\n", "", "", ""},
		"an event nobody awaits":  {head + "plain.yml\n  recover: [{repository_dispatch: {event_type: other}}]\n", "4:48", Warning, "no workflow of this repository listens"},
		"the default event alike": {head + "plain.yml\n  recover: [{repository_dispatch: {}}]\n", "4:35", Warning, `"redundancy-fallback"`},
	} {
		t.Run(name, func(t *testing.T) {
			known := workflows
			if strings.HasPrefix(c.says, "no workflow of") || strings.Contains(c.says, "redundancy-fallback") {
				known = map[string]WorkflowFacts{".github/workflows/plain.yml": workflows[".github/workflows/plain.yml"], ".github/workflows/full.yml": workflows[".github/workflows/full.yml"]}
			}
			r, findings := ParseRepository("x.yml", []byte(c.text))
			if HasErrors(findings) {
				t.Fatal(findings)
			}
			got := CheckReferences("x.yml", []byte(c.text), r, known)
			if c.says == "" {
				if len(got) > 0 {
					t.Error(got)
				}
				return
			}
			if len(got) != 1 || fmt.Sprintf("%d:%d", got[0].Line, got[0].Column) != c.at || got[0].Severity != c.severity || !strings.Contains(got[0].Message, c.says) {
				t.Errorf("want %s at %s saying %q, got %+v", c.severity, c.at, c.says, got)
			}
		})
	}
}

// Aliases of aliases are refused before actionlint follows them; each level
// would take it nine times as long. Real anchors are not.
func TestCheckWorkflow(t *testing.T) {
	nested := func(levels int) string {
		text := "on: push\nx0: &a0 [x, x, x, x, x, x, x, x, x]\n"
		for i := range levels {
			text += fmt.Sprintf("x%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
		}
		return text + fmt.Sprintf("jobs: {a: {runs-on: x, strategy: {matrix: {k: [*a%d]}}, steps: [{run: a}]}}\n", levels)
	}
	wide := func(total int) string { // one anchor of 1000 values, used as often as it takes
		return "a: &a [" + strings.Repeat("x,", 999) + "x]\nb: [" + strings.Repeat("*a, ", total/1001) + "]\n"
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"four levels":      {nested(3), true},
		"twenty levels":    {nested(20), false},
		"wide, within":     {wide(maxExpansion), true},
		"wide, over":       {wide(maxExpansion + 2002), false},
		"into itself":      {"a: &a [*a, *a, *a]\n", true},
		"no YAML":          {"a: &a [*a\n", true},
		"behind a comment": {"#\n&top\na: &a [x]\nb: *a\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := CheckWorkflow([]byte(c.text)); (err == nil) != c.ok {
				t.Error(err)
			}
			started := time.Now()
			_, _ = ReadWorkflow("w.yml", []byte(c.text)) // only the time counts
			if took := time.Since(started); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

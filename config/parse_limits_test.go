package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Each limit under it, at it and over it.
func TestParseRepositoryLimits(t *testing.T) {
	repeat := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	step := func(s string) string {
		return "version: 1\nworkflows:\n- file: a.yml\n  recover: [" + s + "]\n"
	}
	pad := func(n int) string { return "version: 1\n" + strings.Repeat("#", n-len("version: 1\n\n")) + "\n" }
	for name, c := range map[string]struct {
		make  func(n int) string
		limit int
	}{
		"bytes of the file": {pad, MaxSize},
		"inputs": {func(n int) string {
			return step("{dispatch: {workflow: b.yml, inputs: {" + repeat(n, "k%d: x, ") + "}}}")
		}, 25},
		"event type": {func(n int) string {
			return step("{repository_dispatch: {event_type: " + strings.Repeat("é", n) + "}}")
		}, 100},
		"steps":              {func(n int) string { return step(repeat(n, "{rerun: {attempts: 1}}, #%d\n   ")) }, 20},
		"workflows":          {func(n int) string { return "version: 1\nworkflows:\n" + repeat(n, "- file: w%d.yml\n") }, 500},
		"hosts":              {func(n int) string { return "version: 1\nhosts:\n" + repeat(n, "  h%d: {}\n") }, 100},
		"host name":          {func(n int) string { return "version: 1\nhosts: {" + strings.Repeat("a", n) + ": {}}\n" }, 63},
		"regular expression": {func(n int) string { return "version: 1\nvalidate: {ignore: [" + strings.Repeat("a", n) + "]}\n" }, 500},
		"glob":               {func(n int) string { return "version: 1\nvalidate: {paths: {" + strings.Repeat("a", n) + ": {}}}\n" }, 500},
		"ignore":             {func(n int) string { return "version: 1\nvalidate: {ignore: [" + repeat(n, "a%d, ") + "]}\n" }, 100},
		"days": {func(n int) string {
			return fmt.Sprintf("version: 1\nworkflows: [{file: a.yml, stall: {queued: %dd}}]\n", n)
		}, 366},
		"name of a workflow": {func(n int) string { return "version: 1\nworkflows: [{file: " + strings.Repeat("a", n-4) + ".yml}]\n" }, 255},
	} {
		t.Run(name, func(t *testing.T) {
			for n, bad := range map[int]bool{c.limit - 1: false, c.limit: false, c.limit + 1: true} {
				_, findings := ParseRepository("x.yml", []byte(c.make(n)))
				if HasErrors(findings) != bad {
					t.Errorf("with %d: broken is %v, want %v: %v", n, !bad, bad, findings)
				}
			}
		})
	}
}

// Input that is made to cost time or memory must be refused fast. Without the
// bounds each of these takes minutes or gigabytes.
func TestParseRepositoryBombs(t *testing.T) {
	aliases := "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		aliases += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	indented := ""
	for i := range 100 {
		indented += strings.Repeat(" ", i) + "a:\n"
	}
	for name, text := range map[string]string{
		"brackets":  strings.Repeat("[", 200_000),
		"braces":    strings.Repeat("{a: ", 60_000),
		"dashes":    strings.Repeat("- ", 100_000),
		"questions": strings.Repeat("? ", 100_000),
		"indented":  indented,
		"aliases":   aliases,
		"values":    "version: 1\nx: [" + strings.Repeat("1,", 100_000) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			if _, findings := ParseRepository("x.yml", []byte(text)); !HasErrors(findings) {
				t.Error("accepted")
			}
			if took := time.Since(started); took > 10*time.Second { // they take well under one
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestNotifyURLInTheFileIsAWarning(t *testing.T) {
	r, findings := ParseRepository("x.yml", []byte("version: 1\nnotify: {ops: {url: 'slack://token@channel'}}\n"))
	if len(findings) != 1 || findings[0].Severity != Warning || r.Version != 1 {
		t.Error(r, findings)
	}
	if strings.Contains(findings[0].Message, "token@") {
		t.Error("the message repeats the secret")
	}
}

// What is written reads back the same, as YAML and as JSON.
func TestRepositoryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRepository(t)
		for name, marshal := range map[string]func(any) ([]byte, error){"YAML": yaml.Marshal, "JSON": json.Marshal} {
			text, err := marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, findings := ParseRepository("x.yml", text)
			if HasErrors(findings) {
				t.Fatalf("%s: %v\n%s", name, findings, text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s\n%s", name, diff, text)
			}
		}
	})
}

func drawRepository(t *rapid.T) Repository {
	file := rapid.Map(rapid.StringMatching(`[a-zA-Z0-9_][a-zA-Z0-9 _.-]{0,20}`), func(s string) string { return WorkflowsDir + "/" + s + ".yml" })
	span := rapid.Map(rapid.Int64Range(1, 31_000_000_000), func(ms int64) Duration { return Duration(ms * int64(time.Millisecond)) })
	value := rapid.StringMatching(`[a-zA-Z0-9 #:'"{}*&!|>%@~,\[\]é_.-]{0,12}`)
	r := Repository{Version: 1, Hosts: map[string]HostUse{"home": {PM2: rapid.Bool().Draw(t, "pm2"), Git: true}}, Notify: map[string]Notify{"ops": {URL: "env:OPS"}}}
	step := rapid.Custom(func(t *rapid.T) Step {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return Step{Rerun: &Rerun{Attempts: rapid.IntRange(1, 10).Draw(t, "attempts"), When: rapid.SliceOfN(rapid.SampledFrom([]RerunCause{Infrastructure, Flaky, Code}), 1, 3).Draw(t, "when")}}
		case 1:
			return Step{Dispatch: &Dispatch{Workflow: file.Draw(t, "workflow"), Ref: rapid.StringMatching(`[a-z/]{1,9}`).Draw(t, "ref"), Inputs: rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,8}`), value, 1, 4).Draw(t, "inputs")}}
		case 2:
			return Step{RepositoryDispatch: &RepositoryDispatch{EventType: rapid.StringMatching(`[a-z0-9:-]{1,30}`).Draw(t, "event")}}
		case 3:
			return Step{Run: &Run{Host: rapid.SampledFrom([]string{"home", "local"}).Draw(t, "host"), Action: rapid.StringMatching(`[a-z0-9][a-z0-9.-]{0,9}`).Draw(t, "action"), Timeout: span.Draw(t, "timeout")}}
		}
		return Step{WorkflowAtHome: &WorkflowAtHome{Host: "home"}}
	})
	for _, f := range rapid.SliceOfNDistinct(file, 0, 4, rapid.ID).Draw(t, "files") {
		w := Workflow{
			File: f, Effect: rapid.SampledFrom([]Effect{Idempotent, Guarded, AtMostOnce}).Draw(t, "effect"),
			Stall:    Stall{Queued: span.Draw(t, "queued")},
			Schedule: Schedule{Grace: span.Draw(t, "grace"), Catchup: rapid.SampledFrom([]Catchup{CatchupNone, CatchupLatest, CatchupAll}).Draw(t, "catchup")},
			Breaker:  Breaker{Failures: rapid.IntRange(1, 1000).Draw(t, "failures"), Cooldown: span.Draw(t, "cooldown")},
			Notify:   []string{"ops"},
		}
		w.Recover = rapid.SliceOfN(step, 1, 4).Draw(t, "recover")
		r.Workflows = append(r.Workflows, w)
	}
	return r
}

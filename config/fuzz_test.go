package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sound holds for every answer of a parser: findings have a place, and an
// error means that there is no value.
func sound(t *testing.T, data []byte, empty bool, findings []Finding) {
	t.Helper()
	lines := strings.Count(string(data), "\n") + 1
	for _, f := range findings {
		if f.File != "f" || f.Line < 1 || f.Line > lines+1 || f.Column < 1 || f.Message == "" || f.Rule == "" {
			t.Errorf("finding without a place or a message: %+v", f)
		}
	}
	if HasErrors(findings) && !empty {
		t.Error("a broken configuration has a value")
	}
}

func FuzzParseRepository(f *testing.F) {
	for _, text := range documented(f) {
		f.Add([]byte(text))
	}
	f.Add([]byte("version: 1\nhosts: &a {x: *a}\n"))
	f.Add([]byte("? [a]\n: |\n  x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, findings := ParseRepository("f", data)
		sound(t, data, cmp.Equal(r, Repository{}), findings)
		if HasErrors(findings) {
			return
		}
		CheckReferences("f", data, r, nil)
		text, err := json.Marshal(r) // as the store keeps it
		if err != nil {
			t.Fatal(err)
		}
		var back Repository
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(text) {
			t.Errorf("stored and read back: %s, then %s (%v)", text, again, err)
		}
	})
}

func FuzzParseOriginal(f *testing.F) {
	f.Add(example(f, "original"))
	f.Add([]byte(`{"githubActions": {"workflows": [1, "../x", null], "maxFailures": "1e400", "fallbackScripts": {}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, findings := ParseOriginal("f", data)
		sound(t, data, cmp.Equal(r, Repository{}), findings)
		CheckReferences("f.json", data, r, nil)
		if HasErrors(findings) {
			return
		}
		// What comes out is a configuration that the strict reader takes too.
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, findings := ParseRepository("f", text); HasErrors(findings) {
			t.Errorf("%v\n%s", findings, text)
		}
	})
}

func FuzzParseAgent(f *testing.F) {
	f.Add(example(f, "agent"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, findings := ParseAgent("f", data)
		sound(t, data, cmp.Equal(a, Agent{}), findings)
	})
}

func FuzzReadWorkflow(f *testing.F) {
	f.Add([]byte(workflowText))
	f.Add([]byte("on: [push, workflow_dispatch]\n"))
	f.Add([]byte("true:\n  schedule: [{cron: '* * * * *', timezone: X}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := ReadWorkflow("f", data)
		if (err != nil) != facts.Partial {
			t.Errorf("partial is %v with error %v", facts.Partial, err)
		}
		for _, c := range facts.Crons {
			if s, zone, err := c.Schedule(); err == nil && (s == nil || zone == nil) {
				t.Error("neither a schedule nor an error")
			}
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"3d", "2h30m", "1d12h", "0.5s", "366d", "9999999999999999999d", "1h1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d Duration
		if d.UnmarshalText([]byte(s)) != nil {
			return
		}
		var again Duration
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d || d <= 0 || d > MaxDuration {
			t.Errorf("%q is %d, written %q, read back %d (%v)", s, d, d, again, err)
		}
	})
}

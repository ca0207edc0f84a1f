package config

import (
	"strings"
	"testing"
	"time"
)

func TestDurationForms(t *testing.T) {
	for text, want := range map[string]struct {
		d    time.Duration
		back string
	}{
		"90s":    {90 * time.Second, "1m30s"},
		"15m":    {15 * time.Minute, "15m"},
		"60m":    {time.Hour, "1h"},
		"2h30m":  {150 * time.Minute, "2h30m"},
		"3d":     {72 * time.Hour, "3d"},
		"1d12h":  {36 * time.Hour, "1d12h"},
		"1d1ms":  {24*time.Hour + time.Millisecond, "1d1ms"},
		"0.5h":   {30 * time.Minute, "30m"},
		"366d":   {366 * 24 * time.Hour, "366d"},
		"8784h":  {366 * 24 * time.Hour, "366d"},
		"1h0m5s": {time.Hour + 5*time.Second, "1h0m5s"},
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Std() != want.d || d.String() != want.back {
			t.Errorf("%s is %s (%v), want %s", text, d, err, want.back)
		}
	}
	for _, text := range []string{"", "5", "d", "5 m", "m5", "-1h", "+1h", "1w", "1.5d", "367d", "8784h1s", "366d1s", "99999999999999999999d", "99999999999999h", "0s", "1us", "0.0000001ms", "∞"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %s", text, d)
		}
	}
	if Duration(0).String() != "0s" {
		t.Error(Duration(0))
	}
}

func TestSizeForms(t *testing.T) {
	for text, want := range map[string]struct {
		size Size
		back string
	}{
		"512MB": {512 << 20, "512MB"}, "1G": {1 << 30, "1GB"}, "1.5GiB": {1536 << 20, "1536MB"}, "64k": {64 << 10, "64kB"},
		"10 MB": {10 << 20, "10MB"}, "1000": {1000, "1000"}, "7b": {7, "7"}, "1024TB": {1 << 50, "1024TB"},
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want.size || s.String() != want.back {
			t.Errorf("%s is %d, written %s (%v)", text, s, s, err)
		}
	}
	for _, text := range []string{"", "MB", "0", "-1", "1e3", "1025TB", "5PB", "5 M B", strings.Repeat("9", 400)} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %s", text, s)
		}
	}
}

func TestRefResolve(t *testing.T) {
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"TOKEN": "hunter2", "EMPTY": ""}[name]
		return v, ok
	}
	for text, want := range map[Ref]string{"env:TOKEN": "hunter2", "literal": "literal"} {
		if got, err := text.Resolve(lookup); err != nil || got.Reveal() != want {
			t.Error(text, err)
		}
	}
	for _, text := range []Ref{"env:NONE", "env:EMPTY"} {
		if _, err := text.Resolve(lookup); err == nil || !strings.Contains(err.Error(), string(text[4:])) {
			t.Error(text, err)
		}
	}
}

func TestMatchPath(t *testing.T) {
	for _, c := range []struct {
		glob, path string
		want       bool
	}{
		{".github/workflows/legacy-*.yml", ".github/workflows/legacy-a.yml", true},
		{".github/workflows/legacy-*.yml", ".github/workflows/new.yml", false},
		{"**/*.yaml", ".github/workflows/a.yaml", true},
		{".github/workflows/{a,b}.yml", ".github/workflows/b.yml", true},
		{"[", "[", false},
	} {
		if got := MatchPath(c.glob, c.path); got != c.want {
			t.Errorf("%s on %s is %v", c.glob, c.path, got)
		}
	}
}

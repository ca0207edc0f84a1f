package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// inZone makes a zone that many seconds east of UTC that of the terminal.
func inZone(t *testing.T, east int) {
	t.Helper()
	before := zone
	zone = time.FixedZone("", east)
	t.Cleanup(func() { zone = before })
}

func TestMomentsOfASentence(t *testing.T) {
	for _, tt := range []struct {
		east     int
		in, want string
	}{
		{3600, "until 2026-12-31 23:30:00 UTC.", "until 2027-01-01 00:30:00 +01:00."},
		{-12600, "at 2026-06-01 02:00 UTC, and 2026-06-01 02:00:01 UTC", "at 2026-05-31 22:30 -03:30, and 2026-05-31 22:30:01 -03:30"},
		{0, "2026-12-01 22:00:00 UTC", "2026-12-01 22:00:00 +00:00"},
		{3600, "2026-02-31 22:00:00 UTC", "2026-02-31 22:00:00 UTC"},
		{3600, "2026-12-01T22:00:00Z, 12026-12-01 22:00 UTC, 2026-12-01 22:00 UTCX", "2026-12-01T22:00:00Z, 12026-12-01 22:00 UTC, 2026-12-01 22:00 UTCX"},
	} {
		inZone(t, tt.east)
		if got := printable(tt.in); got != tt.want {
			t.Errorf("%d s east: %q, want %q", tt.east, got, tt.want)
		}
	}
}

// TestOneZoneEverywhere: whatever prints moments prints those of the terminal,
// with the offset, be they fields of an answer or words of a sentence; JSON has
// them in UTC.
func TestOneZoneEverywhere(t *testing.T) {
	inZone(t, 5*3600+1800)
	const told, at = "until 2026-12-01 20:00:00 UTC", `"2026-12-01T20:00:00Z"`
	incident := `{"id": 1, "signal": "failed", "repo": {"owner": "a", "name": "b"}, "workflow": "w.yml", "state": "suppressed", "reason": "held ` + told + `", "opened_at": ` + at + `,
		"steps": [{"step": 1, "reason": "` + told + `"}], "timeline": [{"at": ` + at + `, "from": "failing", "to": "suppressed", "reason": "` + told + `"}], "explanation": ["It waits ` + told + `."]}`
	pause := `{"id": 1, "scope": "all", "from": ` + at + `, "until": ` + at + `, "actor": "x", "reason": "` + told + `"}`
	answers := map[string]string{
		"GET /api/v1/status": `{"version": "v", "started_at": ` + at + `, "downtime": {"from": ` + at + `, "to": ` + at + `}, "scan": {"missed": ` + at + `}, "pauses": [` + pause + `],
			"checks": [{"name": "upstream", "detail": "` + told + `"}], "upstream": [{"dependency": "github-actions", "breaker": "open", "since": ` + at + `, "until": ` + at + `}]}`,
		"GET /api/v1/health":      `{"healthy": true, "reasons": ["` + told + `"], "risk": [{"text": "t", "outcome_change": {"at": ` + at + `}, "duration_change": {"at": ` + at + `}}]}`,
		"GET /api/v1/incidents":   `{"incidents": [` + incident + `]}`,
		"GET /api/v1/incidents/1": incident,
		"GET /api/v1/risk":        `{"targets": [{"signal": true, "text": "` + told + `"}]}`,
		"GET /api/v1/pauses":      `{"pauses": [` + pause + `]}`,
		"POST /api/v1/pause":      `{"accepted": true, "message": "Paused everything ` + told + `."}`,
		"POST /api/v1/resume":     `{"accepted": true, "message": "Resumed. Still: ` + told + `."}`,
		"POST /api/v1/recover":    `{"accepted": true, "message": "It is held ` + told + `."}`,
		"GET /api/v1/jobs":        `{"jobs": [{"id": 1, "created_at": ` + at + `, "last_error": "` + told + `"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if doc, ok := answers[r.Method+" "+r.URL.Path]; ok {
			fmt.Fprint(w, doc)
			return
		}
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"error": "not before `+told+`"}`)
	}))
	defer server.Close()
	anyMoment := regexp.MustCompile(`\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[^ ,.;\n]+)?`)
	for _, args := range []string{"status", "health a/b", "incidents", "incidents 1", "explain 1", "pause --list", "pause 1h", "resume", "recover a/b", "jobs", "incidents 2"} {
		for _, json := range []bool{false, true} {
			t.Run(fmt.Sprint(args, " ", json), func(t *testing.T) {
				root := newRoot()
				var out bytes.Buffer
				root.SetOut(&out)
				root.SetErr(io.Discard)
				root.SetArgs(append(strings.Fields(args), "--server", server.URL, fmt.Sprint("--json=", json)))
				err := root.ExecuteContext(t.Context())
				text := out.String()
				if err != nil {
					text = strings.ReplaceAll(oneLine(err), server.URL, "") // its port is no time
				}
				if json && err == nil {
					if strings.Contains(text, "+05:30") || !strings.Contains(text, "20:00:00") {
						t.Errorf("JSON has other moments than UTC's:\n%s", text)
					}
					return
				}
				found := anyMoment.FindAllString(text, -1)
				if len(found) == 0 {
					t.Errorf("no moment in:\n%s", text)
				}
				for _, m := range found {
					if m != "05:30" && !regexp.MustCompile(`^01:30(:00(\.000)?)? \+05:30$`).MatchString(m) {
						t.Errorf("moment %q in:\n%s", m, text)
					}
				}
				if !strings.Contains(text, "2026-12-02 01:30") || strings.Contains(text, "2026-12-01") {
					t.Errorf("not the day of the terminal:\n%s", text)
				}
			})
		}
	}
}

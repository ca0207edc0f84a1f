package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
)

// hostile has an escape sequence, its one-character form, a delete, a bell, a
// mark of direction and a line separator.
const hostile = "\x1b[2Jgone\u009b31m\x7f\a\u202e\u2066\u2028 end"

// TestNoEscapesOnTheTerminal: whatever a server says, no command prints what a
// terminal would obey, as text, as JSON or as an error.
func TestNoEscapesOnTheTerminal(t *testing.T) {
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(doc string) string { return strings.ReplaceAll(doc, "X", string(text)) }
	incident := `{"id": 1, "repo": {"Owner": X, "Name": X, "owner": X, "name": X}, "workflow": X, "run_url": X, "conclusion": X, "state": X, "reason": X, "cause": X,
		"steps": [{"step": 1, "kind": X, "target": X, "state": X, "reason": X, "url": X}], "timeline": [{"from": X, "to": X, "reason": X}]}`
	answers := map[string]string{
		"GET /api/v1/status": `{"version": X, "checks": [{"name": X, "detail": X}], "installations": {X: 1}, "incidents": {X: 2}}`,
		"GET /api/v1/health": `{"healthy": false, "reasons": [X], "as_of": "2026-01-01T00:00:00Z", "why_no_score": X, "early_warning": {"warning": true, "text": X},
			"repositories": [{"repo": X, "worst": X}], "targets": [{"workflow": X, "why_no_score": X, "deductions": [{"cause": X, "links": [{"url": X}]}]}],
			"risk": [{"workflow": X, "text": X, "duration_anomaly": {"url": X}}]}`,
		"GET /api/v1/risk":          `{"targets": [{"signal": true, "text": X}]}`,
		"GET /api/v1/risk/backtest": `{"verdict": X, "n": 1, "predictors": [{"name": X}]}`,
		"GET /api/v1/incidents":     `{"incidents": [` + incident + `]}`,
		"GET /api/v1/incidents/1":   incident,
		"GET /api/v1/jobs":          `{"jobs": [{"id": 1, "kind": X, "args": {"a": X}, "last_error": X}]}`,
		"POST /api/v1/recover":      `{"message": X}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if doc, ok := answers[r.Method+" "+r.URL.Path]; ok {
			fmt.Fprint(w, fill(doc))
			return
		}
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, fill(`{"error": X}`))
	}))
	defer server.Close()
	for _, args := range []string{"status", "health", "health acme/site", "predict backtest", "incidents", "incidents 1", "jobs", "recover acme/site", "jobs retry 1", "replay x", "incidents 2"} {
		for _, format := range []string{"", "--json"} {
			t.Run(args+format, func(t *testing.T) {
				root := newRoot()
				var out bytes.Buffer
				root.SetOut(&out)
				root.SetErr(io.Discard)
				root.SetArgs(append(strings.Fields(args), strings.Fields("--server "+server.URL+" "+format)...))
				if err := root.ExecuteContext(t.Context()); err != nil {
					fmt.Fprintln(&out, oneLine(err))
				}
				if !strings.Contains(out.String(), "gone") {
					t.Errorf("the server's text is not shown:\n%q", out.String())
				}
				for _, r := range out.String() {
					if r != '\n' && unicode.IsControl(r) || format == "" && unicode.Is(unicode.Bidi_Control, r) {
						t.Fatalf("%q is printed:\n%q", r, out.String())
					}
				}
			})
		}
	}
}

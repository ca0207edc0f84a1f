package fallback

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
)

// says answers every request with one text.
type says string

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(s))), Request: r}, nil
}

// An answer without a state does not switch a workflow on.
func TestNoStateIsNoAnswer(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.toTick("0 6 * * *")
	b.watch()
	for _, answer := range []string{`{"state": "disabled_manually"}`, `{}`, `null`, `{"state": null}`, `{"state": ""}`} {
		got, _, err := b.engine.readState(b.ctx, github.NewClient(&http.Client{Transport: says(answer)}), b.at, primaryPath)
		if known := strings.Contains(answer, "disabled"); (err == nil) != known || known != (got == byPerson) {
			t.Errorf("%s: %q, %v", answer, got, err)
		}
		if w := b.watched(primaryPath); w.WorkflowState != byPerson {
			t.Errorf("%s: the workflow counts as %q", answer, w.WorkflowState)
		}
	}
}

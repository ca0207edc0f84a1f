package commands

import (
	"strings"
	"testing"
)

// Runs of the incident's repository are links; an address that a log brought
// along is none.
func TestLinkedRuns(t *testing.T) {
	const run = "https://github.com/acme/site/actions/runs/7"
	got := linked("step 1 failed (https://github.com/acme/site/actions/runs/8). See https://evil.example/acme/site/actions/runs/9 @all", run)
	if !strings.Contains(got, " \\(https://github.com/acme/site/actions/runs/8") {
		t.Errorf("no link: %s", got)
	}
	if strings.Contains(got, "https://evil") || strings.Contains(got, "@all") {
		t.Errorf("not escaped: %s", got)
	}
	if got := linked("see "+run, ""); strings.Contains(got, run) {
		t.Errorf("a link beside nothing: %s", got)
	}
}

package githubtest

import (
	"net/http"
	"testing"
)

// A workflow with run-name titles its runs itself; without one the title of a
// repository_dispatch is its type.
func TestRunName(t *testing.T) {
	b := newBench(t, Config{})
	const on = "on: {workflow_dispatch: {}, repository_dispatch: {types: [go]}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n"
	_, err := b.repo.Push("main", map[string]string{
		".github/workflows/named.yml": "name: Named\nrun-name: My title\n" + on, ".github/workflows/plain.yml": "name: Plain\n" + on,
	}, "workflows")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"named.yml", "plain.yml"} {
		b.call("POST", demo+"/actions/workflows/"+name+"/dispatches", map[string]any{"ref": "main"}).want(http.StatusNoContent)
	}
	b.call("POST", demo+"/dispatches", map[string]any{"event_type": "go"}).want(http.StatusNoContent)
	want := map[string]string{
		".github/workflows/named.yml workflow_dispatch": "My title", ".github/workflows/plain.yml workflow_dispatch": "Plain",
		".github/workflows/named.yml repository_dispatch": "My title", ".github/workflows/plain.yml repository_dispatch": "go",
	}
	runs := b.repo.Runs()
	for _, x := range runs {
		if got := x.title; got != want[x.Workflow+" "+x.Event] {
			t.Errorf("%s by %s is titled %q", x.Workflow, x.Event, got)
		}
	}
	if len(runs) != len(want) {
		t.Errorf("%d runs, want %d", len(runs), len(want))
	}
}

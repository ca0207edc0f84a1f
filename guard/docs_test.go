package guard_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rhysd/actionlint"

	"github.com/redundancy-app/redundancy/config"
)

// actionName is how workflows name the action, without its version.
const actionName = "redundancy-app/redundancy/guard@"

// examples are the YAML blocks of a page.
func examples(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, part := range strings.Split(string(text), "```") {
		if block, is := strings.CutPrefix(part, "yaml\n"); is && i%2 == 1 {
			out = append(out, block)
		}
	}
	return out
}

type step struct {
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
}

// uses checks how steps use the action against what it takes.
func uses(t *testing.T, a action, steps []step) (found int) {
	t.Helper()
	for _, s := range steps {
		if !strings.HasPrefix(s.Uses, actionName) {
			continue
		}
		found++
		for name := range s.With {
			if _, known := a.Inputs[name]; !known {
				t.Errorf("%s has no input %s", s.Uses, name)
			}
		}
		for name, in := range a.Inputs {
			if in.Required && s.With[name] == "" {
				t.Errorf("%s lacks its input %s", s.Uses, name)
			}
		}
		if s.With["mode"] == "fallback" && (s.With["key"] == "" || s.With["epoch"] == "") {
			t.Errorf("a fallback without key or epoch: %+v", s.With)
		}
	}
	return found
}

func TestExampleWorkflowsAreSound(t *testing.T) {
	a := readAction(t)
	primaries := 0
	blocks := examples(t, "../docs/guard.md")
	for _, text := range blocks {
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: "/"})
		if err != nil {
			t.Fatal(err)
		}
		errs, err := linter.Lint("<stdin>", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range errs {
			t.Errorf("%v in\n%s", e, text)
		}
		var w struct {
			Name string         `yaml:"name"`
			On   map[string]any `yaml:"on"`
			Jobs map[string]struct {
				Steps []step `yaml:"steps"`
			} `yaml:"jobs"`
		}
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, j := range w.Jobs {
			found += uses(t, a, j.Steps)
		}
		if found != 1 {
			t.Errorf("%s uses the guard %d times", w.Name, found)
		}
		facts, errs2 := config.ReadWorkflow(".github/workflows/x.yml", []byte(text))
		if _, scheduled := w.On["schedule"]; scheduled {
			primaries++
			if !facts.Guarded {
				t.Errorf("%s does not count as guarded (%v)", w.Name, errs2)
			}
		}
	}
	if len(blocks) < 4 || primaries < 2 {
		t.Errorf("%d examples, %d of them primaries", len(blocks), primaries)
	}
	for _, text := range examples(t, "README.md") {
		var steps []step
		if err := yaml.Unmarshal([]byte(text), &steps); err != nil {
			t.Fatal(err)
		}
		if uses(t, a, steps) != 1 {
			t.Errorf("no use of the guard in\n%s", text)
		}
	}
}

// The README names every input and output.
func TestTheReadmeNamesEverything(t *testing.T) {
	a := readAction(t)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range a.Inputs {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("README.md does not name the input %s", name)
		}
	}
	for name := range a.Outputs {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("README.md does not name the output %s", name)
		}
	}
}

package rules

import (
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// padding makes a file large enough for all guards.
var padding = "# " + strings.Repeat("x", alwaysFine) + "\n"

func TestComplexityLimits(t *testing.T) {
	expr := func(n int) string { return "${{ " + strings.Repeat("a", n-2) + " }}" }
	matrix := func(rows ...string) string {
		return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        " +
			strings.Join(rows, "\n        ") + "\n    steps:\n      - run: make\n"
	}
	numbers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d,", i)
		}
		return "[" + strings.TrimSuffix(b.String(), ",") + "]"
	}
	anchored := func(anchor string, aliases int) string {
		return "on: push\nenv:\n  A: &a '" + anchor + "'\n" + strings.Repeat("  B: *a\n", aliases)
	}
	for name, tt := range map[string]struct {
		content string
		say     string // what the finding says; "" for none
	}{
		"expression at":          {minimal(expr(maxExpression)), ""},
		"expression over":        {minimal(expr(maxExpression + 1)), "longer than the 21000 characters"},
		"if at":                  {minimal("x") + "        if: " + strings.Repeat("a", maxExpression) + "\n", ""},
		"if over":                {minimal("x") + "        if: " + strings.Repeat("a", maxExpression+1) + "\n", "longer than the 21000 characters"},
		"end in quotes":          {minimal("${{ '}}'" + strings.Repeat("a", maxExpression) + " }}"), "longer than the 21000 characters"},
		"never ended":            {minimal("${{ " + strings.Repeat("a", maxExpression)), "longer than the 21000 characters"},
		"expressions at":         {minimal(strings.Repeat(expr(maxExpressions/128), 128)), ""},
		"expressions over":       {minimal(strings.Repeat(expr(maxExpressions/128), 128) + expr(2)), "128000 bytes together"},
		"expressions by aliases": {anchored(expr(maxExpressions/128), 128), "128000 bytes together"},
		"text at":                {anchored(strings.Repeat("x", 100_000), 18), ""},
		"text over":              {anchored(strings.Repeat("x", 100_000), 20), "more than 2000000 bytes"},
		"row":                    {matrix("v: " + numbers(999)), ""},
		"two rows over":          {matrix("v: "+numbers(999), "w: "+numbers(999), "x: "+numbers(100)), "this matrix"},
		"exclusions":             {matrix("v: "+numbers(200), "exclude: ["+strings.Repeat("{v: 1},", 900)+"]"), ""},
		"exclusions over":        {matrix("v: "+numbers(999), "exclude: ["+strings.Repeat("{v: 1},", 900)+"]"), "this matrix"},
		"inclusions":             {matrix("include: [" + strings.Repeat("{v: 1, w: 2, x: 3},", 900) + "]"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, bad := tooComplex([]byte(tt.content + padding))
			if bad != (tt.say != "") || !strings.Contains(f.Message, tt.say) {
				t.Errorf("finding %+v, want one that says %q", f, tt.say)
			}
		})
	}
}

// Each of these cost seconds of processor time.
func TestPathologicalFilesAreRefused(t *testing.T) {
	const n = 480_000
	row := strings.TrimSuffix(strings.Repeat("{a: 1},", 900), ",")
	var matrix strings.Builder
	for i := range 30 {
		fmt.Fprintf(&matrix, "r%d: [%s],", i, row)
	}
	var outputs strings.Builder
	for i := range 900 {
		fmt.Fprintf(&outputs, "      - {id: s%d, run: \"%s\"}\n", i, strings.Repeat(fmt.Sprintf("${{steps.s%d.outputs.x}}", i/2), 15))
	}
	for name, content := range map[string]string{
		"and":     minimal("${{ a" + strings.Repeat("&&a", n/3) + " }}"),
		"or":      minimal("${{ a" + strings.Repeat("||a", n/3) + " }}"),
		"less":    minimal("${{ 1" + strings.Repeat("<1", n/2) + " }}"),
		"deref":   minimal("${{ github.event" + strings.Repeat(".a", n/2) + " }}"),
		"star":    minimal("${{ github.event" + strings.Repeat(".*", n/2) + " }}"),
		"args":    minimal("${{ format('x'" + strings.Repeat(",1", n/2) + ") }}"),
		"many":    minimal(strings.Repeat("${{ 1"+strings.Repeat("<1", 10_000)+" }}", n/20_010)),
		"if":      minimal("make") + "        if: 1" + strings.Repeat("<1", n/2) + "\n",
		"aliases": "on: push\nenv:\n  A: &a \"${{ 1" + strings.Repeat("<1", 10_000) + " }}\"\n" + strings.Repeat("  B: *a\n", 9000),
		"scripts": "on: push\nenv:\n  A: &a \"" + strings.Repeat("::set-env", 40_000) + "\"\n" + strings.Repeat("  B: *a\n", 9000),
		"matrix":  "on: push\njobs: {a: {runs-on: x, strategy: {matrix: {" + matrix.String() + "exclude: [" + strings.Repeat("{r1: {b: 1}, r2: {b: 1},r3: {b: 1}},", 900) + "]}}, steps: [{run: a}]}}\n",
		"outputs": "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n" + outputs.String(),
	} {
		t.Run(name, func(t *testing.T) {
			if len(content) > MaxFile {
				t.Fatalf("%d bytes are too many", len(content))
			}
			began := time.Now()
			found := findings([]byte(content))
			if len(found) != 1 || found[0].Rule != TooComplex {
				t.Errorf("%d findings, the first %+v", len(found), found[:min(1, len(found))])
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestRealWorkflowsAreNotRefused looks at every workflow file of the modules
// that Go has downloaded on this machine, where there are any.
func TestRealWorkflowsAreNotRefused(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skip("no go command here")
	}
	seen := 0
	var most weight
	for _, p := range workflowFiles(t, strings.TrimSpace(string(out))) {
		content, err := os.ReadFile(p)
		if err != nil { // another program may be writing there
			continue
		}
		seen++
		if f, bad := tooComplex(content); bad {
			t.Errorf("%s: %s", p, f.Message)
		}
		var root yaml.Node
		if yaml.Unmarshal(content, &root) != nil {
			continue
		}
		tr := tree{weights: map[*yaml.Node]weight{}}
		w := tr.weigh(&root)
		if tr.longest != nil || tr.expression != nil {
			t.Errorf("%s has a list or an expression that is too long", p)
		}
		most = weight{max(most.nodes, w.nodes), max(most.text, w.text), max(most.expressions, w.expressions), max(most.matrix, w.matrix)}
	}
	if most.nodes > maxNodes/10 || most.text > maxText/10 || most.expressions > maxExpressions/10 || most.matrix > maxMatrix/10 {
		t.Errorf("a real file comes near to a limit: %+v", most)
	}
	t.Logf("%d files, at most %+v", seen, most)
}

// workflowFiles of all modules below dir, which need not be there.
func workflowFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	for p, d := range walk(dir) {
		if ext := filepath.Ext(p); !d.IsDir() && (ext == ".yml" || ext == ".yaml") && strings.HasSuffix(filepath.Dir(p), "/.github/workflows") {
			files = append(files, p)
		}
	}
	return files
}

// walk leaves out what cannot be read, and the archives of modules.
func walk(dir string) iter.Seq2[string, fs.DirEntry] {
	return func(yield func(string, fs.DirEntry) bool) {
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, _ error) error {
			switch {
			case d == nil:
			case d.IsDir() && p == filepath.Join(dir, "cache"):
				return fs.SkipDir
			case !yield(p, d):
				return fs.SkipAll
			}
			return nil
		})
	}
}

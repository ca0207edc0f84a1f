package rules

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
)

var update = flag.Bool("update", false, "rewrite testdata/*.out")

func findings(content []byte) []config.Finding {
	found, _ := Workflow(content)
	return found
}

func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, f := range findings(content) {
				fmt.Fprintf(&got, "%d:%d %s %s: %s\n", f.Line, f.Column, f.Severity, f.Rule, f.Message)
				if f.Fix != "" {
					fmt.Fprintf(&got, "    fix: %s\n", f.Fix)
				}
			}
			out := strings.TrimSuffix(file, ".yml") + ".out"
			if *update {
				if err := os.WriteFile(out, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersionNamesActionlint(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github.com/rhysd/actionlint (\S+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod does not name actionlint")
	}
	if _, ours, _ := strings.Cut(Version, "/"); ours != string(m[1]) {
		t.Errorf("Version says actionlint %s, go.mod %s: cached findings would not be renewed", ours, m[1])
	}
}

// minimal is a workflow around one line of shell.
func minimal(run string) string {
	return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: \"" + run + "\"\n"
}

func list(entries int) string {
	values := make([]string, entries)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        v: [" +
		strings.Join(values, ", ") + "]\n        # " + strings.Repeat("x", alwaysFine) + "\n    steps:\n      - run: make\n"
}

func TestLimits(t *testing.T) {
	padded := func(size int) string {
		s := minimal("make") + "# "
		return s + strings.Repeat("x", size-len(s))
	}
	errors := func(n int) string {
		return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" + strings.Repeat("      - run: ${{ nothing }}\n", n)
	}
	for name, tc := range map[string]struct {
		content string
		rule    string // of the last finding; "" for none
		count   int
	}{
		"one byte under the size": {padded(MaxFile - 1), "", 0},
		"at the size":             {padded(MaxFile), "", 0},
		"over the size":           {padded(MaxFile + 1), "file-size", 1},
		"brackets under":          {minimal("${{ " + strings.Repeat("(", maxDepth-1) + "true" + strings.Repeat(")", maxDepth-1) + " }}"), "", 0},
		"brackets at":             {minimal("${{ " + strings.Repeat("(", maxDepth) + "true" + strings.Repeat(")", maxDepth) + " }}"), "", 0},
		"brackets over":           {minimal("${{ " + strings.Repeat("(", maxDepth+1) + "true" + strings.Repeat(")", maxDepth+1) + " }}"), TooComplex, 1},
		"nots at":                 {minimal("${{ " + strings.Repeat("!", maxNots) + "true }}"), "", 0},
		"nots over":               {minimal("${{ " + strings.Repeat("!", maxNots+1) + "true }}"), TooComplex, 1},
		"nots apart":              {minimal(strings.Repeat("!a ", 2*maxNots)), "", 0},
		"list at":                 {list(maxSequence), "", 0},
		"list over":               {list(maxSequence + 1), TooComplex, 1},
		"findings under":          {errors(MaxFindings - 1), "expression", MaxFindings - 1},
		"findings at":             {errors(MaxFindings), "expression", MaxFindings},
		"findings over":           {errors(MaxFindings + 1), "too-many", MaxFindings},
	} {
		t.Run(name, func(t *testing.T) {
			found := findings([]byte(tc.content))
			if len(found) != tc.count {
				t.Fatalf("%d findings, want %d, the first %+v", len(found), tc.count, found[:min(1, len(found))])
			}
			if tc.count > 0 && found[len(found)-1].Rule != tc.rule {
				t.Errorf("last finding is %+v, want rule %s", found[len(found)-1], tc.rule)
			}
		})
	}
	if last := findings([]byte(errors(300)))[MaxFindings-1]; last.Message != "51 more problems from here on are not listed" || last.Severity != config.Error {
		t.Errorf("rest is reported as %+v", last)
	}
}

// Each of these kept the linter busy for minutes or gigabytes without the guard.
func TestHostileContentIsCheap(t *testing.T) {
	for name, content := range map[string]string{
		"brackets":   minimal("${{ " + strings.Repeat("(", 490_000) + " }}"),
		"mixed":      minimal("${{ " + strings.Repeat("(!", 240_000) + " }}"),
		"index":      minimal("${{ github" + strings.Repeat("[github", 70_000) + " }}"),
		"flow":       "on: push\njobs: " + strings.Repeat("[", 490_000),
		"dashes":     "on: push\njobs:\n  " + strings.Repeat("- ", 240_000),
		"matrix":     "on: push\njobs:\n  a:\n    runs-on: x\n    strategy:\n      matrix:\n        a: [" + strings.Repeat("1,", 100_000) + "]\n        exclude:\n" + strings.Repeat("          - {a: 2}\n", 10_000),
		"long names": "on: push\njobs:\n" + strings.Repeat("  "+strings.Repeat("é", 20_000)+": 1\n", 10),
		"cron":       "on:\n  schedule:\n" + strings.Repeat("    - cron: '0 0 31 2 *'\n", 900) + "jobs: {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			found := findings([]byte(content))
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			if len(found) == 0 {
				t.Error("nothing found")
			}
			size := 0
			for _, f := range found {
				size += len(f.Message)
			}
			if size > 1<<20 {
				t.Errorf("findings hold %d bytes", size)
			}
		})
	}
}

func TestPathsOfThisHostAreNotRead(t *testing.T) {
	// With a real path actionlint would look for a project around it, and for
	// the local action and reusable workflow.
	content := []byte("on: push\njobs:\n  a:\n    uses: ./.github/workflows/missing.yml\n  b:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./missing\n")
	if found := findings(content); len(found) != 0 {
		t.Errorf("findings about files that are not there: %v", found)
	}
}

func FuzzWorkflow(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("on:\n  schedule:\n    - cron: 'TZ=0'\njobs: {}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 4096 {
			return
		}
		found := findings(content)
		lines := 1 + bytes.Count(content, []byte("\n")) + bytes.Count(content, []byte("\r"))
		for _, x := range found {
			if x.Line < 1 || x.Column < 1 || x.Message == "" || x.Rule == "" || x.File != "" {
				t.Errorf("finding %+v", x)
			}
			if x.Line > lines+1 && x.Rule != Internal {
				t.Logf("finding %+v in a file of %d lines", x, lines)
			}
			switch x.Severity {
			case config.Error, config.Warning, config.Notice:
			default:
				t.Errorf("severity of %+v", x)
			}
		}
		if diff := cmp.Diff(found, findings(content)); diff != "" {
			t.Errorf("second run differs:\n%s", diff)
		}
	})
}

// Facts come from the linter's own parse; the reader of configurations parses
// by itself, and both must say the same.
func TestFactsAreThoseOfTheReader(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, got := Workflow(content)
		if len(found) > 0 && found[0].Rule == TooComplex {
			if !got.Partial {
				t.Errorf("%s: not checked, but not partial", file)
			}
			continue
		}
		want, _ := config.ReadWorkflow(file, content)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: facts (-reader +linter):\n%s", file, diff)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	content, err := os.ReadFile("testdata/keys-under-the-wrong-parent.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := findings(content)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				if diff := cmp.Diff(want, findings(content)); diff != "" {
					t.Errorf("findings (-alone +together):\n%s", diff)
				}
			}
		})
	}
	group.Wait()
}

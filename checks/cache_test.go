package checks

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

func TestOnlySmallResultsStayInMemory(t *testing.T) {
	v := New(Config{Clock: clockwork.NewFakeClock()})
	for size, want := range map[int]bool{recentBytes - 1: true, recentBytes: true, recentBytes + 1: false} {
		row := store.LintResult{Blob: "b", Role: roleWorkflow, Result: make([]byte, size)}
		v.recent.Purge()
		v.remember(row, &file{}, time.Time{})
		if got := v.recent.Contains(recentKey{roleWorkflow, "b"}); got != want {
			t.Errorf("a result of %d bytes is kept: %t", size, got)
		}
	}
}

func TestStoredResultsSurvive(t *testing.T) {
	for name, content := range map[string]string{"clean": clean, "errors": badKey, "schedule": nightly, "no YAML": "a: b: c"} {
		t.Run(name, func(t *testing.T) {
			want := analyse([]byte(content))
			row, err := encode(roleWorkflow, "b", &file{analysis: want}, 1)
			if err != nil {
				t.Fatal(err)
			}
			f, err := decode(row)
			if err != nil {
				t.Fatal(err)
			}
			one := assemble([]file{{path: ".github/workflows/a.yml", analysis: want}}, nil)
			two := assemble([]file{{path: ".github/workflows/a.yml", analysis: f.analysis}}, nil)
			if a, b := document(one.CheckRun(place)), document(two.CheckRun(place)); a != b {
				t.Errorf("a stored result says something else:\n%s\n---\n%s", a, b)
			}
		})
	}
	if _, err := decode(store.LintResult{Role: roleWorkflow, Result: []byte("{")}); err == nil {
		t.Error("a damaged row is read")
	}
}

func TestGitName(t *testing.T) {
	// git hash-object, with and without --object-format=sha256.
	for digits, want := range map[int]string{
		40: "ce013625030ba8dba906f756967f9e9ca394464a",
		64: "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4",
	} {
		if got := gitName([]byte("hello\n"), digits); got != want {
			t.Errorf("name of %d digits is %s, want %s", digits, got, want)
		}
	}
}

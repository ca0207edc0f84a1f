package checks

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// realWorkflows are the workflow files of the modules that this one depends
// on, as Go's module cache has them.
func realWorkflows(tb testing.TB) []File {
	tb.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		tb.Fatal(err)
	}
	var files []File
	seen := map[string]bool{}
	err = filepath.WalkDir(strings.TrimSpace(string(out)), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isWorkflow(".github/workflows/"+filepath.Base(p)) || filepath.Base(filepath.Dir(p)) != "workflows" {
			return nil //nolint:nilerr // what cannot be read is left out
		}
		content, err := os.ReadFile(p)
		if err != nil || seen[string(content)] {
			return err
		}
		seen[string(content)] = true
		files = append(files, workflow(fmt.Sprintf("w%04d.yml", len(files)), string(content)))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) < 100 {
		tb.Skipf("only %d workflow files in the module cache", len(files))
	}
	return files
}

func BenchmarkLintCold(b *testing.B) {
	files := realWorkflows(b)
	b.ReportAllocs()
	for b.Loop() {
		Lint(files)
	}
	b.ReportMetric(float64(len(files)*b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkActionlint is the peer: actionlint's own way over the same files,
// from disk, as many at once as it likes.
func BenchmarkActionlint(b *testing.B) {
	files := realWorkflows(b)
	dir := b.TempDir()
	var paths []string
	for _, f := range files {
		p := filepath.Join(dir, filepath.Base(f.Path))
		if err := os.WriteFile(p, f.Content, 0o600); err != nil {
			b.Fatal(err)
		}
		paths = append(paths, p)
	}
	b.ReportAllocs()
	for b.Loop() {
		l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Oneline: true})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.LintFiles(paths, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(files)*b.N)/b.Elapsed().Seconds(), "files/s")
}

func TestRealWorkflowsAreUnderstood(t *testing.T) {
	files := realWorkflows(t)
	report := Lint(files)
	for _, f := range report.Findings {
		if f.Rule == "internal" || f.Rule == "too-complex" || f.Rule == "file-size" {
			t.Errorf("%+v", f)
		}
		if i := bytes.IndexByte([]byte(f.Message), 0); i >= 0 {
			t.Errorf("NUL in %+v", f)
		}
	}
	if report.Workflows() != len(files) {
		t.Errorf("%d of %d files checked", report.Workflows(), len(files))
	}
}

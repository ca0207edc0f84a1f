package checks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"
	"github.com/rhysd/actionlint"

	"github.com/redundancy-app/redundancy/store"
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

// BenchmarkRevalidate is the App's own work for a push that changes one of
// 2,000 workflow files: everything but GitHub's answers. "cold" is the first
// push after a start, when memory holds nothing and the store everything.
func BenchmarkRevalidate(b *testing.B) {
	for _, start := range []string{"warm", "cold"} {
		b.Run(start, func(b *testing.B) { revalidate(b, start == "cold") })
	}
}

func revalidate(b *testing.B, cold bool) {
	s, err := store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "r.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	cfg := Config{Store: s, Clock: clockwork.NewRealClock()}
	v := New(cfg)
	real := realWorkflows(b)
	var blobs []string
	var rows []store.LintResult
	for i := range 2000 {
		content := append([]byte(fmt.Sprintf("# %d\n", i)), real[i%len(real)].Content...)
		blob := gitName(content, 40)
		row, err := encode(roleWorkflow, blob, &file{analysis: analyse(content)}, store.MillisOf(v.Clock.Now()))
		if err != nil {
			b.Fatal(err)
		}
		blobs, rows = append(blobs, blob), append(rows, row)
	}
	if err := s.Update(b.Context(), func(ctx context.Context, tx *store.Tx) error { return store.SaveLintResults(ctx, tx, rows) }); err != nil {
		b.Fatal(err)
	}
	changed := real[0].Content
	b.ReportAllocs()
	for b.Loop() {
		if cold {
			v = New(cfg)
		}
		known, err := v.known(b.Context(), roleWorkflow, blobs)
		if err != nil || len(known) != 2000 {
			b.Fatalf("%d known: %v", len(known), err)
		}
		known[blobs[500]] = &file{analysis: analyse(changed)}
		files := make([]file, len(blobs))
		for i, blob := range blobs {
			files[i] = *known[blob]
			files[i].path = fmt.Sprintf(".github/workflows/w%04d.yml", i)
		}
		run := assemble(files, nil).CheckRun(place)
		if run.Title == "" {
			b.Fatal("no title")
		}
	}
}

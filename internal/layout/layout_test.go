package layout_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/redundancy-app/redundancy/"
	// maxLines is where a file stops fitting in a head.
	maxLines = 300
)

// tooLong lists files over maxLines with the reason why they stay whole.
var tooLong = map[string]string{}

// layer orders the folders: a package may import its own layer's folder and
// those with a higher number, never a lower one.
var layer = map[string]int{
	"cmd": 0, "internal": 0,
	"api": 1, "intake": 1, "handlers": 1, "commands": 1,
	"checks": 2, "fallback": 2, "repoconfig": 2, "installation": 2, "agent": 2, "history": 2,
	"githubapi": 3,
	"queue":     4, "health": 4, "risk": 4,
	"store":  5,
	"config": 6,
}

// sideways lists the imports within a layer that are wanted: of a whole folder,
// or of one package in it.
var sideways = map[string][]string{
	"commands":     {},
	"handlers":     {"commands"}, // the grammar of comments, commands/comment
	"fallback":     {"checks", "repoconfig", "agent"},
	"checks":       {"repoconfig"},
	"installation": {},
	"history":      {"fallback/runs"}, // how a run is read; not the engine
}

func goFiles(t *testing.T, visit func(path string, src []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(rel), src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	goFiles(t, func(path string, src []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || saysSomething(f)
	})
	if len(documented) < 5 {
		t.Fatalf("found %d packages: the walk is broken", len(documented))
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func saysSomething(f *ast.File) bool { return f.Doc != nil && len(f.Doc.Text()) > 40 }

func TestFilesKeepTheirSize(t *testing.T) {
	goFiles(t, func(path string, src []byte) {
		n := bytes.Count(src, []byte("\n"))
		if n > maxLines && tooLong[path] == "" && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines, the limit is %d", path, n, maxLines)
		}
	})
}

func TestNamesSayWhatTheyAre(t *testing.T) {
	for _, banned := range []string{"util", "utils", "common", "manager", "helper", "helpers", "misc"} {
		goFiles(t, func(path string, _ []byte) {
			for part := range strings.SplitSeq(strings.TrimSuffix(path, ".go"), "/") {
				if part == banned {
					t.Errorf("%s: %q says nothing", path, banned)
				}
			}
		})
	}
}

func TestImportsPointDown(t *testing.T) {
	goFiles(t, func(path string, src []byte) {
		from, _, nested := strings.Cut(path, "/")
		if !nested {
			return // the root has the manifest only
		}
		if strings.HasSuffix(path, "_test.go") || from == "internal" || from == "cmd" {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		fromLayer, known := layer[from]
		if !known {
			t.Errorf("%s: folder %q has no layer: say in this test where it belongs", path, from)
		}
		for _, imp := range f.Imports {
			rest, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			if !ours {
				continue
			}
			to, _, _ := strings.Cut(rest, "/")
			if to == from || layer[to] > fromLayer {
				continue
			}
			if layer[to] == fromLayer && (contains(sideways[from], to) || contains(sideways[from], rest)) {
				continue
			}
			t.Errorf("%s imports %s: %q may not know %q", path, rest, from, to)
		}
	})
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

// TestRiskOnlyInforms: a score never triggers anything. Only what shows things
// to people may know it.
func TestRiskOnlyInforms(t *testing.T) {
	shows := map[string]bool{"api": true, "cmd": true, "risk": true}
	seen := map[string]bool{}
	goFiles(t, func(path string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		from, _, _ := strings.Cut(path, "/")
		for _, imp := range f.Imports {
			if strings.Trim(imp.Path.Value, `"`) != module+"risk" {
				continue
			}
			if seen[from] = true; !shows[from] {
				t.Errorf("%s imports risk: it may be shown, and nothing else", path)
			}
		}
	})
	if !seen["api"] {
		t.Error("api does not import risk: this test looks for the wrong thing")
	}
}

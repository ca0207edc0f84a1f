package githubtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type treeAnswer struct {
	SHA       string
	Truncated bool
	Tree      []struct {
		Path, Mode, Type, SHA string
		Size                  int
	}
}

func (a treeAnswer) paths() []string {
	var out []string
	for _, e := range a.Tree {
		out = append(out, e.Path)
	}
	return out
}

func TestTrees(t *testing.T) {
	b := newBench(t, Config{TreeLimit: 7})
	all := []string{".github", ".github/workflows", ".github/workflows/ci.yml", "README.md", "src", "src/a.go"}
	head := b.repo.Head("main")
	for _, name := range []string{"main", head, "refs/heads/main", "heads/main"} {
		var tree treeAnswer
		b.get(demo + "/git/trees/" + strings.ReplaceAll(name, "/", "%2F") + "?recursive=1").into(&tree)
		if d := cmp.Diff(all, tree.paths()); d != "" || tree.Truncated {
			t.Errorf("%s: truncated %v %s", name, tree.Truncated, d)
		}
	}
	var flat treeAnswer
	b.get(demo + "/git/trees/main").into(&flat)
	if d := cmp.Diff([]string{".github", "README.md", "src"}, flat.paths()); d != "" {
		t.Error(d)
	}
	var sub treeAnswer
	b.get(demo + "/git/trees/" + flat.Tree[2].SHA).into(&sub)
	if d := cmp.Diff([]string{"a.go"}, sub.paths()); d != "" || sub.Tree[0].Size != len("package a\n") {
		t.Error(d, sub)
	}
	if _, err := b.repo.Push("main", map[string]string{"z/1": "", "z/2": ""}, "more"); err != nil {
		t.Fatal(err)
	}
	var cut treeAnswer
	b.get(demo + "/git/trees/main?recursive=1").into(&cut)
	if !cut.Truncated || len(cut.Tree) != 7 {
		t.Errorf("tree over the limit: truncated %v, %d entries", cut.Truncated, len(cut.Tree))
	}
	b.call("GET", demo+"/git/trees/nothing", nil).want(http.StatusNotFound)
	b.clean()
}

func TestContents(t *testing.T) {
	files := map[string]string{"big": strings.Repeat("x", maxContent), "bigger": strings.Repeat("x", maxContent+1), "dir/ü ?#.txt": "odd\n"}
	for i := range maxFolder + 1 {
		files[fmt.Sprintf("many/%04d", i)] = ""
	}
	b := newBench(t, Config{})
	sha, err := b.repo.Push("files", files, "files")
	if err != nil {
		t.Fatal(err)
	}
	type file struct{ Content, Encoding, SHA string }
	read := func(path string) (f file) {
		t.Helper()
		b.get(demo + "/contents/" + path + "?ref=" + sha).into(&f)
		return f
	}
	decode := func(text string) string {
		out, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if f := read("dir/%C3%BC%20%3F%23.txt"); decode(f.Content) != "odd\n" {
		t.Errorf("content %+v", f)
	}
	if f := read("big"); f.Encoding != "base64" || decode(f.Content) != files["big"] {
		t.Error("a file of 1 MB was not given whole")
	}
	f := read("bigger")
	if f.Encoding != "none" || f.Content != "" {
		t.Errorf("a file over 1 MB: encoding %q, %d characters", f.Encoding, len(f.Content))
	}
	if raw := b.call("GET", demo+"/contents/bigger?ref=files", nil, with("Accept", "application/vnd.github.raw+json")).want(http.StatusOK); string(raw.body) != files["bigger"] {
		t.Error("the raw file is not the file")
	}
	var blob file
	b.get(demo + "/git/blobs/" + f.SHA).into(&blob)
	if decode(blob.Content) != files["bigger"] {
		t.Error("the blob is not the file")
	}
	var folder []any
	b.get(demo + "/contents/many?ref=files").into(&folder)
	if len(folder) != maxFolder {
		t.Errorf("%d entries of a folder, want %d", len(folder), maxFolder)
	}
	for path, status := range map[string]int{"/contents/none": 404, "/contents/README.md?ref=none": 404, "/contents/README.md?ref=--help": 404, "/git/blobs/" + strings.Repeat("0", 40): 404, "/git/blobs/xyz": 422} {
		b.call("GET", demo+path, nil).want(status)
	}
	b.clean()
}

func TestHistory(t *testing.T) {
	b := newBench(t, Config{})
	base := b.repo.Head("main")
	moved, err := b.repo.RenameFile("f", ".github/workflows/ci.yml", ".github/workflows/build.yml", "rename")
	if err != nil {
		t.Fatal(err)
	}
	head, err := b.repo.Push("f", map[string]string{"README.md": Deleted, "new": "1\n2\n"}, "more")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.repo.Push("main", map[string]string{"x": "y"}, "diverge"); err != nil {
		t.Fatal(err)
	}
	type file struct {
		Filename, Status     string
		Previous             string `json:"previous_filename"`
		Additions, Deletions int
	}
	var commit struct{ Files []file }
	b.get(demo + "/commits/" + moved).into(&commit)
	if d := cmp.Diff([]file{{".github/workflows/build.yml", "renamed", ".github/workflows/ci.yml", 0, 0}}, commit.Files); d != "" {
		t.Error(d)
	}
	var cmpAnswer struct {
		Status  string
		Ahead   int `json:"ahead_by"`
		Behind  int `json:"behind_by"`
		Commits []struct{ SHA string }
		Files   []file
	}
	b.get(demo + "/compare/main...f").into(&cmpAnswer)
	want := []file{{".github/workflows/build.yml", "renamed", ".github/workflows/ci.yml", 0, 0}, {"README.md", "removed", "", 0, 1}, {"new", "added", "", 2, 0}}
	if d := cmp.Diff(want, cmpAnswer.Files); d != "" || cmpAnswer.Status != "diverged" || cmpAnswer.Ahead != 2 || cmpAnswer.Behind != 1 || cmpAnswer.Commits[1].SHA != head {
		t.Errorf("%+v %s", cmpAnswer, d)
	}
	b.get(demo + "/compare/" + base + "..." + head)
	b.call("GET", demo+"/compare/main...none", nil).want(http.StatusNotFound)
	b.call("GET", demo+"/commits/none", nil).want(http.StatusUnprocessableEntity)
	b.settle()
	push := b.hooks.all()
	last := push[len(push)-2].payload // push and check_suite of main
	if last["ref"] != "refs/heads/main" || dig(last, "head_commit")["message"] != "diverge" {
		t.Errorf("push webhook: %v", last["ref"])
	}
	b.clean()
}

func TestDefaultBranch(t *testing.T) {
	b := newBench(t, Config{})
	sha, err := b.repo.Push("trunk", map[string]string{".github/workflows/other.yml": "on: repository_dispatch\njobs: {}\n"}, "more")
	if err != nil {
		t.Fatal(err)
	}
	path := demo + "/actions/workflows/other.yml"
	b.call("GET", path, nil).want(http.StatusNotFound)
	b.repo.SetDefaultBranch("trunk")
	b.get(path)
	if got := b.get(demo).json()["default_branch"]; got != "trunk" {
		t.Errorf("default branch %v", got)
	}
	b.get(demo + "/contents/.github/workflows/other.yml")
	b.call("POST", demo+"/dispatches", map[string]any{"event_type": "x"}).want(http.StatusNoContent)
	if runs := b.repo.Runs(); len(runs) != 1 || runs[0].HeadBranch != "trunk" || runs[0].HeadSHA != sha {
		t.Errorf("%d runs", len(runs))
	}
	b.clean()
}

func TestAddRepoFromDir(t *testing.T) {
	b := newBench(t, Config{})
	copied, err := b.s.AddRepoFromDir("acme", "copy", b.repo.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if copied.Head("main") != b.repo.Head("main") {
		t.Error("the copy has another head")
	}
	// The repository is a real one: git sees what the API wrote and the API sees what git writes.
	if out, err := exec.Command("git", "-C", copied.Dir(), "branch", "made-by-git", "main").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	b.get("/repos/acme/copy/commits/made-by-git")
	if _, err := b.s.AddRepo("ACME", "Copy", nil); err == nil {
		t.Error("a repository was added twice")
	}
}

package home

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the verdicts of testdata and the table of docs/home.md")

// kept are the actions of a host, by "owner/name@commit/dir".
type kept map[string][]byte

func (k kept) Metadata(repo, dir, commit string) ([]byte, error) {
	data, ok := k[path.Join(repo+"@"+commit, dir)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// ready is an input of which only the file can be at fault.
func ready(data []byte) Input {
	sum := sha256.Sum256(data)
	return Input{
		Path: ".github/workflows/flow.yml", Data: data, Tree: fstest.MapFS{},
		Run: Run{Event: "schedule", DefaultBranch: true, SameRepository: true, DefaultBlob: blobName(data, 40), Approved: hex.EncodeToString(sum[:])},
		Host: Host{
			Labels: []string{"ubuntu-latest", "ubuntu-24.04", "self-hosted"}, Environments: []string{"production"}, Secrets: []string{"PUBLISH_KEY"},
			Variables: []string{"REGION"}, Node: true, Actions: kept{},
		},
	}
}

// archived is the input of a case: workflow.yml; input.json over what ready
// gives; tree/… and cache/owner/name@commit/….
func archived(t *testing.T, a *txtar.Archive) Input {
	t.Helper()
	var in Input
	for _, f := range a.Files {
		if f.Name == "workflow.yml" {
			in = ready(f.Data)
		}
	}
	tree, actions := fstest.MapFS{}, kept{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "tree/"); ok {
			tree[name] = &fstest.MapFile{Data: f.Data}
		}
		if name, ok := strings.CutPrefix(f.Name, "cache/"); ok {
			actions[path.Dir(name)] = f.Data
		}
		if f.Name == "input.json" {
			over := struct {
				Path *string
				Run  *Run
				Host *struct{ Node *bool }
			}{&in.Path, &in.Run, &struct{ Node *bool }{&in.Host.Node}}
			if err := json.Unmarshal(f.Data, &over); err != nil {
				t.Fatal(err)
			}
		}
	}
	in.Tree, in.Host.Actions = tree, actions
	return in
}

// text shows a verdict in lines.
func text(v Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", v.Ready)
	if v.Ready == Yes {
		fmt.Fprintf(&b, "deadline %s %v\n", v.Deadline, v.Jobs)
	}
	for i, r := range slices.Concat(v.Reasons, v.Notes) {
		kind := "file"
		if r.Host {
			kind = "host"
		}
		if i >= len(v.Reasons) {
			kind = "note"
		}
		fmt.Fprintf(&b, "%s %s [%s %d] %s:%d: %s\n", kind, r.Rule, r.Job, r.Step, r.File, r.Line, r.Message)
	}
	return b.String()
}

func TestRules(t *testing.T) {
	for _, r := range Rules() {
		for _, kind := range []string{"ok", "bad"} {
			files, err := filepath.Glob(filepath.Join("testdata", r.ID, kind, "*.txtar"))
			if err != nil || len(files) == 0 && (r.ID != "size" || kind != "bad") { // too large for a case: TestSize
				t.Errorf("rule %s has no case that is %s (%v)", r.ID, kind, err)
			}
			for _, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".txtar")
				t.Run(r.ID+"/"+kind+"/"+name, func(t *testing.T) { golden(t, r, kind == "ok", file) })
			}
		}
	}
}

func golden(t *testing.T, r Rule, ok bool, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := Check(archived(t, a))
	last := &a.Files[len(a.Files)-1]
	if *update {
		last.Data = []byte(text(v))
		if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(last.Data), text(v)); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	of := func(list []Reason) bool {
		return slices.ContainsFunc(list, func(found Reason) bool { return found.Rule == r.ID })
	}
	switch {
	case ok && (v.Ready != Yes || len(v.Reasons)+len(v.Notes) > 0):
		t.Errorf("refused: %s", text(v))
	case !ok && r.Note && (v.Ready != Yes || !of(v.Notes)):
		t.Errorf("not told, or refused: %s", text(v))
	case !ok && !r.Note && (v.Ready == Yes || !of(v.Reasons)):
		t.Errorf("not refused by %s: %s", r.ID, text(v))
	}
}

// Every folder of cases is of a rule.
func TestCasesHaveRules(t *testing.T) {
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if d.Name() != "fuzz" && !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == d.Name() }) {
			t.Errorf("testdata/%s is of no rule", d.Name())
		}
	}
}

const (
	pageBegins = "<!-- rules: go test ./fallback/home -run Page -update -->\n"
	pageEnds   = "<!-- end of rules -->\n"
)

// docs/home.md has the table of rules.
func TestPage(t *testing.T) {
	const page = "../../docs/home.md"
	was, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(was, []byte(pageBegins))
	_, after, ends := bytes.Cut(rest, []byte(pageEnds))
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", page)
	}
	var table strings.Builder
	table.WriteString("| rule | refused is | why |\n|---|---|---|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", r.ID, r.Refuses, r.Why)
	}
	want := string(before) + pageBegins + table.String() + pageEnds + string(after)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(was)); diff != "" {
		t.Errorf("stale, write it with -update (-want +got):\n%s", diff)
	}
}

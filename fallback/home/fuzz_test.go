package home

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// seeds are the files of a name in the cases of testdata.
func seeds(f *testing.F, suffix string) {
	f.Helper()
	cases, err := filepath.Glob("testdata/*/*/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, suffix) {
				f.Add(file.Data)
			}
		}
	}
}

func sound(t *testing.T, v Verdict) {
	t.Helper()
	switch {
	case v.Ready != Yes && v.Ready != No && v.Ready != Partial,
		(v.Ready == Yes) != (len(v.Reasons) == 0),
		(v.Ready == Yes) != (v.Deadline > 0),
		len(v.Reasons) > MaxReasons, len(v.Notes) > MaxReasons:
		t.Errorf("unsound: %s", text(v))
	}
	for _, r := range v.Reasons {
		if r.Rule == "" || r.Message == "" || len(r.Message) > 4000 || !utf8.ValidString(r.Message) || strings.ContainsAny(r.Message, "\n\x1b") {
			t.Errorf("reason %+v", r)
		}
	}
}

// Whatever a file holds, there is a verdict, and a host that offers nothing runs
// nothing.
func FuzzCheck(f *testing.F) {
	seeds(f, "workflow.yml")
	f.Fuzz(func(t *testing.T, data []byte) {
		in := ready(data)
		v := Check(in)
		sound(t, v)
		in.Host = Host{}
		less := Check(in)
		sound(t, less)
		if less.Ready == Yes {
			t.Errorf("it runs without a label: %s", text(less))
		}
	})
}

func FuzzAction(f *testing.F) {
	seeds(f, "action.yml")
	flow := []byte("on: {schedule: [{cron: '0 6 * * *'}]}\njobs: {a: {runs-on: ubuntu-latest, steps: [{uses: ./a, with: {x: y}}]}}\n")
	f.Fuzz(func(t *testing.T, data []byte) {
		in := ready(flow)
		in.Tree = fstest.MapFS{"a/action.yml": {Data: data}}
		sound(t, Check(in))
	})
}

func FuzzCalledWorkflow(f *testing.F) {
	seeds(f, "called.yml")
	seeds(f, "workflow.yml")
	flow := []byte("on: {schedule: [{cron: '0 6 * * *'}]}\njobs: {a: {uses: ./.github/workflows/called.yml, secrets: {key: '${{ secrets.PUBLISH_KEY }}'}}}\n")
	f.Fuzz(func(t *testing.T, data []byte) {
		in := ready(flow)
		in.Tree = fstest.MapFS{".github/workflows/called.yml": {Data: data}}
		sound(t, Check(in))
	})
}

func FuzzReferences(f *testing.F) {
	f.Add("a ${{ secrets.A }} b ${{ toJSON(github) }}", false)
	f.Add("vars.X && '}}'", true)
	f.Add("${{ ${{ }}", true)
	f.Fuzz(func(t *testing.T, text string, condition bool) {
		refs, err := references(text, condition)
		if err != nil {
			return
		}
		for _, r := range refs {
			if !strings.Contains(strings.ToLower(text), r.context) {
				t.Errorf("%v is not in %q", r, text)
			}
		}
		// Text before and behind changes nothing of what an expression takes.
		more, err := references("x"+text+"${{ secrets.zzz }}", false)
		if !condition && (err != nil || len(more) != len(refs)+1 || more[len(refs)] != reference{"secrets", "zzz"}) {
			t.Errorf("%v became %v, %v", refs, more, err)
		}
	})
}

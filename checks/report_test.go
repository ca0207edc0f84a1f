package checks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

var update = flag.Bool("update", false, "rewrite testdata/*.md")

var place = Place{
	WebURL: "https://github.com",
	Repo:   queue.Repo{ID: 1, Owner: "acme", Name: "site"},
	SHA:    "0123456789abcdef0123456789abcdef01234567",
}

const (
	clean   = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"
	badKey  = "on: push\njobs:\n  a:\n    runs_on: ubuntu-latest\n    steps:\n      - run: make\n"
	warned  = "on: push\njobs:\n  a:\n    runs-on: our-machine\n    steps:\n      - run: make\n"
	nightly = "name: Nightly @team\non:\n  schedule:\n    - cron: '0 3 * * *'\n  workflow_dispatch:\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"
	own     = "version: 1\nworkflows:\n  - file: nightly.yml\n"
)

func workflow(name, content string) File {
	return File{Path: ".github/workflows/" + name, Content: []byte(content)}
}

func configured(files ...File) []File {
	return append(files, File{Path: config.RepositoryPath, Content: []byte(own)}, workflow("nightly.yml", nightly))
}

// document is a Check Run as one text.
func document(r checkrun.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\ntitle: %s\n\n--- summary\n%s\n\n--- text\n%s\n\n--- annotations\n", r.Name, r.Status, r.Conclusion, r.Title, r.Summary, r.Text)
	for _, f := range r.Annotations {
		fmt.Fprintf(&b, "%s:%d:%d %s %s: %s\n", f.File, f.Line, f.Column, f.Severity, f.Rule, f.Message)
	}
	return b.String()
}

func TestCheckRunGoldens(t *testing.T) {
	inForce := &Effective{Source: SourceOwn, Path: config.RepositoryPath, Commit: "89abcdef0123456789abcdef0123456789abcdef"}
	for name, tc := range map[string]struct {
		files   []File
		inForce *Effective
	}{
		"nothing":             {nil, nil},
		"configured-clean":    {configured(), nil},
		"configured-errors":   {configured(workflow("b.yml", badKey), workflow("a.yaml", badKey), workflow("c.yml", warned)), nil},
		"configured-warnings": {configured(workflow("c.yml", warned)), nil},
		"advice-clean":        {[]File{workflow("a.yml", clean)}, nil},
		"advice-errors":       {[]File{workflow("b.yml", badKey), workflow("nightly.yml", nightly), workflow("nightly-fallback.yml", "on: workflow_dispatch\n"+clean[9:])}, nil},
		"owner-default":       {[]File{workflow("b.yml", badKey)}, &Effective{Source: SourceOwner, Path: config.RepositoryPath, Commit: inForce.Commit}},
		"broken-first":        {[]File{{config.RepositoryPath, []byte("version: 1\nworkflow: []\n")}, workflow("a.yml", clean)}, nil},
		"broken-later":        {[]File{{config.RepositoryPath, []byte("version: 1\nworkflows:\n  - file: gone.yml\n")}, workflow("a.yml", badKey)}, inForce},
		"broken-below-owner":  {[]File{{config.RepositoryPath, []byte("version: [\n")}}, &Effective{Source: SourceOwner, Path: config.RepositoryPath, Commit: inForce.Commit}},
		"original":            {[]File{{config.OriginalPath, []byte(`{"githubActions": {"enabled": true, "workflows": ["nightly.yml"]}}`)}, workflow("nightly.yml", nightly)}, nil},
		"switched-off":        {[]File{{config.RepositoryPath, []byte("version: 1\nvalidate:\n  ignore: [our-machine]\n  paths:\n    .github/workflows/legacy-*.yml: {ignore: ['.*']}\n")}, workflow("a.yml", warned), workflow("legacy-b.yml", badKey), workflow("c.yml", badKey)}, nil},
		"hostile": {[]File{workflow("x`|@team<img>.yml", "on: push\njobs:\n  \"</details>@team ![x](http://evil.example)\":\n    runs-on: ubuntu-latest\n    steps:\n      - run: ${{ x\x1b }}\n        \"`@acme/all`\": 1\n"),
			workflow("y.yml", "on: push\njobs:\n  \"</details>@team ![x](http://evil.example)|#1\":\n    runs-on: ubuntu-latest\n    steps:\n      - run: ${{ x }}\n        \"`@acme/all`\\u202e\\x1b[2J\": 1\n")}, nil},
		"damaged": {[]File{workflow("bytes.yml", "\x00\xff\xfe"), workflow("conflict.yml", "on: push\n<<<<<<< HEAD\njobs: {}\n=======\njobs: {}\n>>>>>>> x\n"), workflow("true.yml", "true: push\n"+clean[9:]), workflow("empty.yml", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := document(lint(tc.files, tc.inForce).CheckRun(place))
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b") {
				t.Error("raw bytes of the repository in the Check Run")
			}
			path := filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("Check Run (-want +got):\n%s", diff)
			}
		})
	}
}

// failing is a workflow with n errors.
func failing(n int) string {
	return "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" + strings.Repeat("      - run: ${{ nothing }}\n", n)
}

func TestNumbersOfFindings(t *testing.T) {
	for _, n := range []int{0, 1, 50, 51, 120, 1000, 1001, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var files []File
			for left, i := n, 0; left > 0; i++ {
				k := min(left, 100)
				files = append(files, workflow(fmt.Sprintf("w%03d.yml", i), failing(k)))
				left -= k
			}
			files = append(files, workflow("zz.yml", warned))
			report := Lint(configured(files...))
			if errors, warnings, _ := report.Totals(); errors != n || warnings != 1 {
				t.Fatalf("%d errors, %d warnings", errors, warnings)
			}
			run := report.CheckRun(place)
			if len(run.Annotations) != n+1 {
				t.Errorf("%d annotations", len(run.Annotations))
			}
			for _, s := range []string{run.Summary, run.Text} {
				if c := utf8.RuneCountInString(s); c > checkrun.MaxText {
					t.Errorf("text of %d characters", c)
				}
			}
			if n < checkrun.MaxAnnotations && run.Text != "" {
				t.Errorf("text beside annotations that all fit: %.200s", run.Text)
			}
			if n >= checkrun.MaxAnnotations {
				// Errors come first, so the warning of the last file has no annotation.
				if last := run.Annotations[len(run.Annotations)-1]; last.Severity != config.Warning {
					t.Errorf("the last annotation is %+v", last)
				}
				if !strings.Contains(run.Text, "zz.yml") && !strings.Contains(run.Text, "do not fit here") {
					t.Errorf("findings without annotation are not in the text: %.300s", run.Text)
				}
			}
		})
	}
}

func TestReportIsBounded(t *testing.T) {
	var files []File
	for i := range 60 {
		files = append(files, workflow(fmt.Sprintf("w%03d.yml", i), failing(200)))
	}
	report := Lint(files)
	if len(report.Findings) != MaxFindings || report.Dropped != 60*200-MaxFindings {
		t.Errorf("%d findings, %d dropped", len(report.Findings), report.Dropped)
	}
	run := report.CheckRun(place)
	if !strings.Contains(run.Text, "do not fit here") || !strings.HasPrefix(run.Title, "Advice: 12000 errors in 60 workflow files") {
		t.Errorf("title %q, text ends %q", run.Title, run.Text[len(run.Text)-200:])
	}
}

func TestSameContentUnderTwoNames(t *testing.T) {
	report := Lint([]File{workflow("b.yml", badKey), workflow("a.yml", badKey)})
	var got []string
	for _, f := range report.Findings {
		got = append(got, fmt.Sprintf("%s:%d", f.File, f.Line))
	}
	if diff := cmp.Diff([]string{".github/workflows/a.yml:4", ".github/workflows/b.yml:4"}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestWhatIsChecked(t *testing.T) {
	for path, want := range map[string]bool{
		".github/workflows/a.yml":                     true,
		".github/workflows/a.yaml":                    true,
		"/.github/workflows/a.yml":                    false,
		".github/workflows/sub/a.yml":                 false,
		".github/workflows/a.yml.backup-2025":         false,
		".github/workflows/a.yml.disabled":            false,
		".github/workflows/marketing-sync-backup.yml": true,
		".github/redundancy.yml":                      true,
		".github/redundancy.yaml":                     false,
		"automation/redundancy-config.json":           true,
		"action.yml":                                  false,
	} {
		if got := Relevant(path); got != want {
			t.Errorf("Relevant(%q) = %t", path, got)
		}
	}
	report := Lint([]File{{"/.github/workflows/a.yml", []byte(clean)}, {"README.md", []byte("x")}, {config.OriginalPath, []byte("no json")}, {config.RepositoryPath, []byte(own)}, workflow("nightly.yml", nightly)})
	if len(report.Findings) != 0 || len(report.Files) != 3 {
		t.Errorf("report %+v", report)
	}
}

func TestTooLargeFilesAreFindings(t *testing.T) {
	big := append([]byte(clean), make([]byte, 500*1000)...)
	report := Lint([]File{{".github/workflows/big.yml", big}, {config.RepositoryPath, big}})
	if len(report.Findings) != 2 || report.Findings[0].Rule != "file-size" || report.Findings[1].Rule != "file-size" || !report.Broken {
		t.Errorf("report %+v", report.Findings)
	}
}

func TestSuggestionIsValid(t *testing.T) {
	scheduled := func(name string) string {
		return "name: " + name + "\non:\n  schedule:\n    - cron: '*/30 * * * *'\n    - cron: '5 4 * * 0'\n" + clean[9:]
	}
	many := []File{}
	for i := range 60 {
		many = append(many, workflow(fmt.Sprintf("w%d.yml", i), scheduled("w")))
	}
	for name, tc := range map[string]struct {
		files []File
		holds []string
		lacks []string
	}{
		"no workflows": {nil, []string{"workflows: []"}, nil},
		"no schedule":  {[]File{workflow("a.yml", clean)}, []string{"workflows: []"}, []string{"a.yml"}},
		"schedule":     {[]File{workflow("a.yml", clean), workflow("n.yml", nightly)}, []string{"file: n.yml", "Nightly @team", "0 3 * * *"}, []string{"a.yml", "dispatch:"}},
		"fallback":     {[]File{workflow("n.yml", nightly), workflow("n-fallback.yml", "on: workflow_dispatch\n"+clean[9:])}, []string{"dispatch: {workflow: n-fallback.yml}"}, nil},
		"needs input":  {[]File{workflow("n.yml", nightly), workflow("n-backup.yml", "on:\n  workflow_dispatch:\n    inputs:\n      x: {required: true}\n"+clean[9:])}, nil, []string{"dispatch:"}},
		"no dispatch":  {[]File{workflow("n.yml", nightly), workflow("n-backup.yml", clean)}, nil, []string{"dispatch:"}},
		"odd names":    {[]File{workflow("a b'\"{}#.yml", scheduled("x")), workflow("-.yml", scheduled("x")), workflow("@x.yaml", scheduled("x")), workflow("ü.yml", scheduled("x")), workflow("null.yml", scheduled("x")), workflow("1.yml", scheduled("x"))}, []string{"@x.yaml"}, nil},
		"hostile name": {[]File{workflow("n.yml", scheduled(`"x\n  - file: evil.yml\r\n\x00 `+strings.Repeat("y", 500)+`"`))}, nil, []string{"\n  - file: evil.yml"}},
		"broken cron":  {[]File{workflow("n.yml", strings.Replace(nightly, "0 3 * * *", "0 0 31 2 *", 1))}, []string{"workflows: []"}, nil},
		"broken file":  {[]File{workflow("n.yml", nightly+"nonsense\n")}, []string{"workflows: []"}, nil},
		"many":         {many, []string{"and 20 more scheduled workflows"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			report := Lint(tc.files)
			s := report.Suggestion()
			r, found := config.ParseRepository(config.RepositoryPath, []byte(s))
			found = append(found, config.CheckReferences(config.RepositoryPath, []byte(s), r, report.workflows)...)
			if len(found) > 0 {
				t.Errorf("the suggestion has findings: %v\n%s", found, s)
			}
			for _, h := range tc.holds {
				if !strings.Contains(s, h) {
					t.Errorf("no %q in\n%s", h, s)
				}
			}
			for _, l := range tc.lacks {
				if strings.Contains(s, l) {
					t.Errorf("%q in\n%s", l, s)
				}
			}
			if text := report.CheckRun(place).Text; !strings.Contains(text, "version: 1\n") {
				t.Errorf("advice without the suggestion: %s", text)
			}
		})
	}
}

func FuzzLint(f *testing.F) {
	f.Add([]byte(badKey), []byte(own), "a.yml")
	f.Add([]byte(nightly), []byte("version: 1\nvalidate: {ignore: ['(']}\n"), "nightly.yml")
	f.Fuzz(func(t *testing.T, content, configuration []byte, name string) {
		if len(content)+len(configuration)+len(name) > 4096 {
			return
		}
		files := []File{{".github/workflows/" + name, content}, {config.RepositoryPath, configuration}}
		report := Lint(files)
		run := report.CheckRun(place)
		if run.Title == "" || run.Summary == "" || !utf8.ValidString(run.Summary) || !utf8.ValidString(run.Text) || strings.ContainsAny(run.Summary+run.Text, "\x00\x1b\r") {
			t.Errorf("Check Run %q", document(run))
		}
		if diff := cmp.Diff(document(run), document(Lint(files).CheckRun(place))); diff != "" {
			t.Errorf("second run differs:\n%s", diff)
		}
	})
}

package home

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

// flow is a workflow of one job, with lines of its own.
func flow(lines ...string) []byte {
	return []byte("on: {schedule: [{cron: '0 6 * * *'}], push: {}, pull_request: {}}\njobs:\n  build:\n    " + strings.Join(append(lines, "steps:"), "\n    ") + "\n      - run: make\n")
}

// What must never run at home.
func TestHomePreflightRefuses(t *testing.T) {
	plain := flow("runs-on: ubuntu-latest")
	cases := map[string]struct {
		data []byte
		run  func(*Run)
		want string
	}{
		"unmapped label":     {flow("runs-on: windows-latest"), nil, "runs-on"},
		"services":           {flow("runs-on: ubuntu-latest", "services: {db: {image: postgres}}"), nil, "services"},
		"container":          {flow("runs-on: ubuntu-latest", "container: alpine"), nil, "container"},
		"uncached action":    {[]byte(string(plain) + "      - uses: o/a@" + sha + "\n"), nil, "cached"},
		"fractional timeout": {[]byte(string(plain) + "        timeout-minutes: 0.5\n"), nil, "timeout"},
		"environment":        {flow("runs-on: ubuntu-latest", "environment: staging"), nil, "environment"},
		"fork event":         {plain, func(r *Run) { r.Event = "pull_request" }, "fork"},
		"fork":               {plain, func(r *Run) { r.Event, r.SameRepository = "push", false }, "fork"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := ready(tc.data)
			if tc.run != nil {
				tc.run(&in.Run)
			}
			v := Check(in)
			if v.Ready != No || len(v.Reasons) != 1 || v.Reasons[0].Rule != tc.want {
				t.Errorf("got %s", text(v))
			}
			if v.Deadline != 0 || v.Jobs != nil {
				t.Error("deadlines of what may not run")
			}
		})
	}
	if v := Check(ready(plain)); v.Ready != Yes {
		t.Errorf("the plain one is refused: %s", text(v))
	}
}

// A host that offers nothing, and a run of which nothing is known, run nothing.
func TestZeroValuesAreRefused(t *testing.T) {
	data := flow("runs-on: ubuntu-latest")
	var rules []string
	for _, r := range Check(Input{Path: ".github/workflows/flow.yml", Data: data}).Reasons {
		rules = append(rules, r.Rule)
	}
	if diff := cmp.Diff([]string{"approval", "default-branch", "default-branch", "event", "fork", "runs-on"}, rules); diff != "" {
		t.Error(diff)
	}
	if v := Check(Input{}); v.Ready != No {
		t.Errorf("nothing at all: %s", text(v))
	}
	in := ready([]byte(string(data) + "      - uses: ./a\n      - uses: o/a@" + sha + "\n"))
	in.Tree, in.Host.Actions = nil, nil
	if v := Check(in); v.Ready != No || len(v.Reasons) != 2 || len(v.Certain()) != 0 {
		t.Errorf("without a tree and actions: %s", text(v))
	}
}

func TestCertainReasonsHoldOnEveryHost(t *testing.T) {
	v := Check(ready(flow("runs-on: [windows-latest, gpu]", "container: alpine", "environment: staging")))
	if got := v.Certain(); len(v.Reasons) != 4 || len(got) != 1 || got[0].Rule != "container" {
		t.Errorf("certain %v of %s", got, text(v))
	}
}

func TestSize(t *testing.T) {
	for size, want := range map[int]Ready{MaxFile - 1: Yes, MaxFile: Yes, MaxFile + 1: No} {
		data := flow("runs-on: ubuntu-latest")
		data = append(data, []byte("#"+strings.Repeat("x", size-len(data)-1))...)
		if v := Check(ready(data)); v.Ready != want || want == No && v.Reasons[0].Rule != "size" {
			t.Errorf("%d bytes: %s", len(data), text(v))
		}
		in := ready([]byte(string(flow("runs-on: ubuntu-latest")) + "      - uses: ./a\n"))
		action := []byte("runs: {using: node20, main: x}\n")
		in.Tree = fstest.MapFS{"a/action.yml": {Data: append(action, []byte("#"+strings.Repeat("x", size-len(action)-1))...)}}
		if v := Check(in); v.Ready != want || want == No && v.Reasons[0].Rule != "size" {
			t.Errorf("action of %d bytes: %s", size, text(v))
		}
	}
}

// using is a job of n steps, each of which uses an action of its own, of that size.
func using(n int, size int) Input {
	tree := fstest.MapFS{}
	var b strings.Builder
	b.Write(flow("runs-on: ubuntu-latest"))
	for i := range n {
		fmt.Fprintf(&b, "      - uses: ./a%d\n", i)
		body := "runs: {using: node20, main: x}\n"
		tree[fmt.Sprintf("a%d/action.yml", i)] = &fstest.MapFile{Data: []byte(body + "#" + strings.Repeat("x", max(size-len(body)-1, 0)))}
	}
	in := ready([]byte(b.String()))
	in.Tree = tree
	return in
}

func TestCountOfFiles(t *testing.T) {
	for n, want := range map[int]Ready{maxFiles - 1: Yes, maxFiles: Yes, maxFiles + 1: No, 3 * maxFiles: No} {
		v := Check(using(n, 0))
		if v.Ready != want || want == No && (len(v.Reasons) != 1 || v.Reasons[0].Rule != "action") {
			t.Errorf("%d files: %s", n, text(v))
		}
	}
}

func TestBytesOfAllFiles(t *testing.T) {
	in := using(8, MaxFile)
	if v := Check(in); v.Ready != No || v.Reasons[0].Rule != "size" { // the workflow counts too
		t.Errorf("eight of the largest: %s", text(v))
	}
	rest := maxRead - 7*MaxFile - len(in.Data)
	for size, want := range map[int]Ready{rest - 1: Yes, rest: Yes, rest + 1: No} {
		tree, ok := in.Tree.(fstest.MapFS)
		if !ok {
			t.Fatal("no tree")
		}
		tree["a7/action.yml"].Data = tree["a0/action.yml"].Data[:size]
		if v := Check(in); v.Ready != want {
			t.Errorf("%d bytes above: %s", size-rest, text(v))
		}
	}
}

// Each uses the next one.
func TestDepth(t *testing.T) {
	for n, want := range map[int]Ready{maxDepth - 1: Yes, maxDepth: Yes, maxDepth + 1: No} {
		actions, flows := fstest.MapFS{}, fstest.MapFS{}
		for i := 1; i <= n; i++ {
			next := fmt.Sprintf("uses: ./a%d", i+1)
			call := fmt.Sprintf("uses: ./.github/workflows/w%d.yml", i+1)
			if i == n {
				next, call = "run: make\n      shell: bash", "runs-on: ubuntu-latest\n    steps: [{run: make}]"
			}
			actions[fmt.Sprintf("a%d/action.yml", i)] = &fstest.MapFile{Data: []byte("runs:\n  using: composite\n  steps:\n    - " + next + "\n")}
			flows[fmt.Sprintf(".github/workflows/w%d.yml", i)] = &fstest.MapFile{Data: []byte("on: workflow_call\njobs:\n  x:\n    " + call + "\n")}
		}
		in := ready([]byte(string(flow("runs-on: ubuntu-latest")) + "      - uses: ./a1\n"))
		in.Tree = actions
		if v := Check(in); v.Ready != want {
			t.Errorf("%d actions: %s", n, text(v))
		}
		in = ready([]byte("on: {schedule: [{cron: '0 6 * * *'}]}\njobs:\n  x:\n    uses: ./.github/workflows/w1.yml\n"))
		in.Tree = flows
		if v := Check(in); v.Ready != want {
			t.Errorf("%d workflows: %s", n, text(v))
		}
	}
}

func TestCountOfReasons(t *testing.T) {
	for n, want := range map[int]string{MaxReasons - 2: "runs-on", MaxReasons - 1: "runs-on", MaxReasons + 5: "more"} {
		labels := make([]string, n)
		for i := range labels {
			labels[i] = fmt.Sprintf("l%d", i)
		}
		v := Check(ready(flow("runs-on: [" + strings.Join(labels, ", ") + "]")))
		last := v.Reasons[len(v.Reasons)-1]
		if len(v.Reasons) != min(n, MaxReasons) || last.Rule != want {
			t.Errorf("%d labels: %d reasons, last %v", n, len(v.Reasons), last)
		}
		if want == "more" && last.Message != "6 more reasons are not listed" {
			t.Errorf("%q", last.Message)
		}
	}
	notes := "on: {schedule: [{cron: '0 6 * * *'}]}\njobs:\n"
	for i := range MaxReasons + 5 {
		notes += fmt.Sprintf("  j%d: {runs-on: ubuntu-latest, concurrency: g%d, steps: [{run: make}]}\n", i, i)
	}
	if v := Check(ready([]byte(notes))); v.Ready != Yes || len(v.Notes) != MaxReasons {
		t.Errorf("%s with %d notes", v.Ready, len(v.Notes))
	}
}

func TestMinutes(t *testing.T) {
	for text, want := range map[string]time.Duration{"1": time.Minute, "7199": 7199 * time.Minute, "7200": 5 * 24 * time.Hour, "010": 10 * time.Minute} {
		if d, ok := minutes(text); !ok || d != want {
			t.Errorf("%s: %s %v", text, d, ok)
		}
	}
	for _, text := range []string{"", "0", "7201", "0.03", "1.0", "-1", "+1", " 1", "1_0", "99999999999999999999", "٣"} {
		if d, ok := minutes(text); ok {
			t.Errorf("%q is taken as %s", text, d)
		}
	}
}

func TestDeadlines(t *testing.T) {
	v := Check(ready([]byte(`on: {schedule: [{cron: '0 6 * * *'}]}
jobs:
  a: {runs-on: ubuntu-latest, timeout-minutes: 10, steps: [{run: x}]}
  b: {runs-on: ubuntu-latest, timeout-minutes: 30, steps: [{run: x}]}
  c: {runs-on: ubuntu-latest, timeout-minutes: 5, needs: [a, B], steps: [{run: x}]}
  d: {runs-on: ubuntu-latest, timeout-minutes: 20, needs: a, steps: [{run: x}]}
`)))
	if v.Ready != Yes || v.Deadline != 35*time.Minute || v.Jobs["c"] != 5*time.Minute || len(v.Jobs) != 4 {
		t.Errorf("got %s", text(v))
	}
}

// A name out of a file cannot fill a message, or lead a terminal astray.
func TestMessagesAreTame(t *testing.T) {
	long := Check(ready(flow("runs-on: " + strings.Repeat("ä", 5000)))).Reasons[0].Message
	if n := len([]rune(long)); n > 200 || !strings.Contains(long, "…") {
		t.Errorf("%d characters: %s", n, long)
	}
	if wild := Check(ready(flow(`runs-on: "a\u001b[31m\nb"`))).Reasons[0].Message; strings.ContainsAny(wild, "\x1b\n") {
		t.Errorf("%q", wild)
	}
	for n, want := range map[int]int{maxShown - 1: maxShown - 1, maxShown: maxShown, maxShown + 1: maxShown} {
		if got := len([]rune(show(strings.Repeat("ä", n)))) - 2; got != want {
			t.Errorf("%d characters are shown as %d", n, got)
		}
	}
}

// What is no regular file in the tree is not opened: a pipe has no end.
func TestTreeOfOddFiles(t *testing.T) {
	for _, mode := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeDir | 0o755, fs.ModeDevice, fs.ModeSymlink} {
		in := ready([]byte(string(flow("runs-on: ubuntu-latest")) + "      - uses: ./a\n"))
		in.Tree = fstest.MapFS{"a/action.yml": {Data: []byte("elsewhere"), Mode: mode}}
		if v := Check(in); v.Ready != No || v.Reasons[0].Rule != "action" {
			t.Errorf("%s: %s", mode, text(v))
		}
	}
}

func TestBlobNames(t *testing.T) {
	// As `git hash-object` has them, for both of git's formats.
	for digits, want := range map[int]string{40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"} {
		if got := blobName(nil, digits); got != want {
			t.Errorf("%d digits: %s", digits, got)
		}
	}
}

func TestRulesAreDescribed(t *testing.T) {
	var ids []string
	for _, r := range Rules() {
		if r.ID == "" || r.Refuses == "" || r.Why == "" || slices.Contains(ids, r.ID) || strings.ContainsAny(r.Refuses+r.Why, "|\n") {
			t.Errorf("rule %+v", r)
		}
		ids = append(ids, r.ID)
	}
}

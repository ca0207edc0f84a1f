package failure

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

const head = "2026-11-02T06:00:01.1234567Z "

// jobLog is a log as GitHub stores it: three steps in one text.
const jobLog = "\uFEFF2026-11-02T06:00:01.0000000Z ##[group]Runner Image\n" +
	"2026-11-02T06:00:01.0000000Z Image: ubuntu-24.04\n" +
	"2026-11-02T06:00:01.0000000Z ##[endgroup]\n" +
	"2026-11-02T06:00:02.0000000Z ##[group]Run ./lint.sh\n" +
	"2026-11-02T06:00:02.1000000Z error: this one may fail\n" +
	"2026-11-02T06:00:02.2000000Z ##[error]Process completed with exit code 3.\n" +
	"2026-11-02T06:00:03.0000000Z ##[group]Run ./post.sh\n" +
	"2026-11-02T06:00:03.0000000Z ##[endgroup]\n" +
	"2026-11-02T06:00:03.1000000Z posting\n" +
	"2026-11-02T06:00:03.2000000Z \x1b[31mError: LinkedIn answered 403\x1b[0m\n" +
	"2026-11-02T06:00:03.3000000Z     at post (post.js:10)\n" +
	"2026-11-02T06:00:03.4000000Z ##[error]Process completed with exit code 1.\n" +
	"2026-11-02T06:00:05.0000000Z Post job cleanup.\n" +
	"2026-11-02T06:00:05.1000000Z fatal: tidying up went wrong too\n"

func at(s int) time.Time { return time.Date(2026, 11, 2, 6, 0, s, 0, time.UTC) }

func TestRead(t *testing.T) {
	const plain, reset = "##[group]Run ./post.sh\n##[endgroup]\n", "curl: (56) Recv failure: Connection reset by peer\n"
	for name, tc := range map[string]struct {
		log     string
		step    Section
		want    string
		symptom Kind
	}{
		"empty":                        {"", Section{}, "", ""},
		"nothing said":                 {"\n \n\x1b[0m\n", Section{}, "", ""},
		"the failed step's":            {jobLog, Section{at(3), at(3)}, "Error: LinkedIn answered 403", ""},
		"the earlier step's":           {jobLog, Section{at(2), at(2)}, "error: this one may fail", ""},
		"without times of the step":    {jobLog, Section{}, "error: this one may fail", ""},
		"times that do not meet":       {jobLog, Section{at(30), at(40)}, "", ""},
		"times the wrong way round":    {jobLog, Section{at(3), at(2)}, "error: this one may fail", ""},
		"an annotation that speaks":    {plain + "error: noise\n##[error]The token has expired\n##[error]Process completed with exit code 1.\n", Section{}, "The token has expired", ""},
		"an exit code comes first":     {plain + "##[error]Process completed with exit code 1.\n##[error]The token has expired\n", Section{}, "The token has expired", ""},
		"no pattern":                   {plain + "halfway\nsomething odd\n\n##[error]Process completed with exit code 1.\n", Section{}, "something odd", ""},
		"nothing but an exit code":     {plain + "##[error]Process completed with exit code 137.\n", Section{}, "Process completed with exit code 137.", ""},
		"the first of several":         {plain + "a.go:3:5: x\nb.c:1:2: error: bad\nfatal: stop\n", Section{}, "b.c:1:2: error: bad", ""},
		"the last step when not told":  {"##[group]Run a\nerror: retried\n" + plain + "oops\n##[error]Process completed with exit code 1.\n", Section{}, "oops", ""},
		"tidying up is not it":         {plain + "oops\nPost job cleanup.\nfatal: other\n", Section{}, "oops", ""},
		"progress on one line":         {plain + "10%\r20%\rfatal: disk\r\n", Section{}, "fatal: disk", ""},
		"a secret":                     {plain + "##[error]login failed for token=hunter2hunter2\n", Section{}, "login failed for token=***", ""},
		"the network":                  {plain + "npm ERR! code ECONNRESET\nnpm ERR! A complete log is in x\n##[error]Process completed with exit code 1.\n", Section{}, "npm ERR! code ECONNRESET", Network},
		"a limit":                      {plain + "##[error]API rate limit exceeded for installation ID 7.\n", Section{}, "API rate limit exceeded for installation ID 7.", Limit},
		"the runner":                   {plain + "building\n##[error]The runner has received a shutdown signal. This can happen …\n##[error]The operation was canceled.\n", Section{}, "The runner has received a shutdown signal. This can happen …", Runner},
		"long ago and retried":         {plain + reset + strings.Repeat("on\n", near) + "##[error]upload failed\n", Section{}, "upload failed", ""},
		"just near enough":             {plain + reset + strings.Repeat("on\n", near-1) + "##[error]upload failed\n", Section{}, "upload failed", Network},
		"a symptom of another step":    {"##[group]Run a\nConnection reset by peer\n" + plain + "bad\n##[error]Process completed with exit code 1.\n", Section{}, "bad", ""},
		"a symptom after the failure":  {plain + "##[error]assertion failed\nConnection reset by peer\n", Section{}, "assertion failed", ""},
		"a user's words in the middle": {plain + "see ##[error] in the log\n", Section{}, "see ##[error] in the log", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Read([]byte(tc.log), tc.step)
			if got.Line != tc.want {
				t.Errorf("line %q, want %q", got.Line, tc.want)
			}
			kind := Kind("")
			if got.Symptom != nil {
				kind = got.Symptom.Kind
			}
			if kind != tc.symptom {
				t.Errorf("symptom %+v, want %q", got.Symptom, tc.symptom)
			}
		})
	}
}

// Each row of the tables matches its own example, and no row hides behind another.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Symptoms {
		got := symptom(s.Example)
		if got == nil || got.Kind != s.Kind {
			t.Errorf("%q: found %+v in its example %q", s.Text, got, s.Example)
		}
		if !strings.Contains(strings.ToLower(s.Example), s.Text) || s.Text != strings.ToLower(s.Text) || s.Source == "" || seen[s.Text] {
			t.Errorf("row %q is not sound", s.Text)
		}
		seen[s.Text] = true
		if r := Read([]byte("##[group]Run x\n"+strings.TrimPrefix(s.Example, "##[error]")+"\n##[error]Process completed with exit code 1.\n"), Section{}); r.Symptom == nil {
			t.Errorf("%q is not seen in a log", s.Example)
		}
	}
	for _, m := range mistakes {
		if !m.form.MatchString(m.example) || !mistake(m.example) {
			t.Errorf("%q is not seen", m.example)
		}
	}
	for _, innocent := range []string{"0 errors", "no failures", "PASS", "ErrorHandler registered", "listening on http://localhost:3000", "downloading fatalism.zip", "connection refused", "request timeout after 5s"} {
		if mistake(innocent) {
			t.Errorf("%q passes for an error", innocent)
		}
		if s := symptom(innocent); s != nil {
			t.Errorf("%q passes for %+v", innocent, s)
		}
	}
}

func TestClean(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":                 {"  hello world ", "hello world"},
		"colour":                {"\x1b[1;31merror\x1b[0m: x", "error: x"},
		"an unfinished colour":  {"a\x1b[31", "a"},
		"a title":               {"a\x1b]0;owned\x07b", "ab"},
		"a link":                {"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"},
		"a title without end":   {"a\x1b]0;owned", "a"},
		"one character control": {"\u009b31mred", "red"},
		"device control":        {"a\x1bPq#0\x1b\\b", "ab"},
		"bell and backspace":    {"a\x07b\x08c\x00d\x7fe", "abcde"},
		"right to left":         {"file\u202etxt.exe\u200b", "filetxt.exe"},
		"broken UTF-8":          {"a\xff\xfeb", "a\uFFFDb"},
		"half a character":      {"a\xe2\x82", "a\uFFFD"},
		"tabs and wide space":   {"a\t\tb\u00a0\u3000c", "a b c"},
		"letters of the world":  {"größer 失敗 ✗", "größer 失敗 ✗"},
		"escape alone":          {"\x1b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Clean([]byte(tc.in)); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	for _, n := range []int{MaxLine - 1, MaxLine, MaxLine + 1} {
		got := []rune(Clean([]byte(strings.Repeat("ä", n))))
		if want := min(n, MaxLine); len(got) != want || (n > MaxLine) != (got[len(got)-1] == '…') {
			t.Errorf("%d characters became %d", n, len(got))
		}
	}
	for _, n := range []int{maxRaw - 1, maxRaw, maxRaw + 1} {
		if got := len(plain(bytes.Repeat([]byte("x"), n))); got != min(n, maxRaw) {
			t.Errorf("%d bytes became %d", n, got)
		}
	}
}

func TestMask(t *testing.T) {
	secret := "s3cr3tS3cr3tS3cr3tS3cr3t"
	for _, form := range []string{
		"ghp_%s", "github_pat_%s", "ghs_%s", "v1." + strings.Repeat("0a", 20), "xoxb-123-%s", "npm_%s", "pypi-%s", "sk_live_%s", "glpat-%s",
		"https://user:%s@example.org/x", "https://%s@github.com/a/b", "Authorization: Bearer %s", "authorization: basic %s", "token=%s", "PASSWORD: %s",
		`"api_key": "%s"`, "AWS_SECRET_ACCESS_KEY=%s", "client-secret => '%s'", "https://x.blob.core.windows.net/y?se=1&sig=%s", "eyJhbGciOiJIUzI1NiJ9.%s.x",
		"AKIAABCDEFGHIJKLMNOP", "key %s0123456789ABCDEF", "-----BEGIN RSA PRIVATE KEY-----%s",
	} {
		in := form
		if strings.Contains(form, "%s") {
			in = fmt.Sprintf(form, secret)
		}
		got := Mask("before " + in + " after")
		if strings.Contains(got, secret) || !strings.Contains(got, masked) || !strings.HasPrefix(got, "before ") {
			t.Errorf("%q became %q", in, got)
		}
	}
	for _, harmless := range []string{
		"Error: LinkedIn answered 403", "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "https://github.com/acme/site/actions/runs/1",
		"node_modules/very-long-package-name-without-any-numerals/index.js", "tokens: unexpected", "unexpected token '<'",
	} {
		if got := Mask(harmless); got != harmless && harmless != "tokens: unexpected" {
			t.Errorf("%q became %q", harmless, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{jobLog, head, head + "##[error]", "\x1b]", "##[error]\x1b[31m", "token=\xff", "\r\r\n", "2026-11-02T06:00:01Z"} {
		f.Add([]byte(seed), int64(0), int64(0))
		f.Add([]byte(seed), at(2).Unix(), at(3).Unix())
	}
	f.Fuzz(func(t *testing.T, log []byte, from, to int64) {
		got := Read(log, Section{time.Unix(from%(1<<33), 0), time.Unix(to%(1<<33), 0)})
		if !utf8.ValidString(got.Line) || utf8.RuneCountInString(got.Line) > MaxLine {
			t.Fatalf("unfit line %q", got.Line)
		}
		if strings.ContainsFunc(got.Line, func(r rune) bool { return unicode.Is(unicode.C, r) }) {
			t.Fatalf("control characters in %q", got.Line)
		}
		if got.Line != strings.TrimSpace(got.Line) {
			t.Fatalf("space around %q", got.Line)
		}
		if once := Normalise(got.Line); Normalise(once) != once {
			t.Fatalf("normalised twice %q becomes %q", once, Normalise(once))
		}
	})
}

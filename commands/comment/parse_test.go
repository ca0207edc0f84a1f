package comment

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the generated documentation")

func run(name string, args ...string) Request {
	line := Prefix + " " + strings.Join(append([]string{name}, args...), " ")
	return Request{Name: name, Args: args, Line: line}
}

func TestParse(t *testing.T) {
	status := run(Status)
	for name, tc := range map[string]struct {
		body string
		want []Request
	}{
		"status":                        {"/redundancy status", []Request{status}},
		"recover":                       {"/redundancy recover", []Request{run(Recover)}},
		"recover with target":           {"/redundancy recover marketing-sync.yml", []Request{run(Recover, "marketing-sync.yml")}},
		"alone":                         {"/redundancy", []Request{{Name: Help, Line: "/redundancy"}}},
		"alone with spaces":             {"/redundancy  \t", []Request{{Name: Help, Line: "/redundancy  \t"}}},
		"upper case":                    {"/Redundancy STATUS", []Request{{Name: Status, Args: []string{}, Line: "/Redundancy STATUS"}}},
		"many spaces":                   {"/redundancy\t recover   a ", []Request{{Name: Recover, Args: []string{"a"}, Line: "/redundancy\t recover   a "}}},
		"after text":                    {"Hello,\n/redundancy status\nthanks", []Request{status}},
		"windows line endings":          {"Hello\r\n/redundancy status\r\n", []Request{status}},
		"old mac line endings":          {"Hello\r/redundancy status\r", []Request{status}},
		"two in order":                  {"/redundancy recover a\n\n/redundancy status", []Request{run(Recover, "a"), status}},
		"empty":                         {"", nil},
		"in a sentence":                 {"use /redundancy status", nil},
		"indented":                      {" /redundancy status", nil},
		"longer word":                   {"/redundancyx status", nil},
		"no space":                      {"/redundancy-status", nil},
		"look-alike prefix":             {"/rеdundancy status", nil}, // Cyrillic е
		"long s is no s":                {"/redundancy ſtatus", []Request{{Line: "/redundancy ſtatus", Answer: "There is no command `ſtatus`. Did you mean `/redundancy status`? `/redundancy help` lists all commands."}}},
		"quoted":                        {"> /redundancy status", nil},
		"quote goes on":                 {"> Somebody wrote\n/redundancy status", nil},
		"quote goes on for long":        {"> Somebody wrote\nand\n/redundancy status", nil},
		"after a quote":                 {"> Somebody wrote\n\n/redundancy status", []Request{status}},
		"after an empty quote":          {"> \n/redundancy status", []Request{status}},
		"indented quote":                {"  > a\n/redundancy status", nil},
		"code block":                    {"```\n/redundancy status\n```", nil},
		"code block of tildes":          {"~~~\n/redundancy status\n~~~", nil},
		"code block, language":          {"```sh\n/redundancy status\n```", nil},
		"after a code block":            {"```\nx\n```\n/redundancy status", []Request{status}},
		"code block in a list":          {"- ```\n  x\n  ```\n/redundancy status", []Request{status}},
		"shorter fence inside":          {"````\n```\n/redundancy status\n````", nil},
		"other fence inside":            {"```\n~~~\n/redundancy status\n```\n/redundancy help", []Request{run(Help)}},
		"fence with text inside":        {"```\n``` x\n/redundancy status\n```", nil},
		"code block left open":          {"```\n/redundancy status", nil},
		"inline code":                   {"```x``` is code\n/redundancy status", []Request{status}},
		"HTML comment":                  {"<!--\n/redundancy status\n-->", nil},
		"HTML comment, one line":        {"<!-- x -->\n/redundancy status", []Request{status}},
		"after an HTML comment":         {"<!-- a\n-->\n/redundancy status", []Request{status}},
		"pre":                           {"<pre>\n/redundancy status\n</pre>\n/redundancy help", []Request{run(Help)}},
		"pre on one line":               {"<pre>x</pre>\n/redundancy status", []Request{status}},
		"pre in a line":                 {"see <pre>\n/redundancy status\n</pre>", nil},
		"pre in another element":        {"<div><pre>\n/redundancy status\n</pre></div>", nil},
		"pre in details":                {"<details><PRE class=x>\n/redundancy status\n</pre></details>\n/redundancy help", []Request{run(Help)}},
		"second pre of a line":          {"<pre>x</pre><pre>\n/redundancy status\n</pre>", nil},
		"code element":                  {"<code>\n/redundancy status\n</code>", nil},
		"longer name than pre":          {"<present>\n/redundancy status", []Request{status}},
		"comment opens after a comment": {"<!-- a --> <!-- b\n/redundancy status\n-->", nil},
		"comment opens where one ends":  {"<!--\n--> <!--\n/redundancy status\n-->", nil},
		"comment ends where it opens":   {"<!--\n--> <!-- x -->\n/redundancy status", []Request{status}},
		"pre opens where comment ends":  {"<!--\n--> <pre>\n/redundancy status\n</pre>", nil},
		"attribute over lines":          {"<img alt=\"\n/redundancy status\n\">", nil},
		"attribute of one line":         {"<img alt=\"x\">\n/redundancy status", []Request{status}},
		"inline code over lines":        {"write `foo\n/redundancy status\nbar` there", nil},
		"inline code around a line":     {"`\n/redundancy status\n`", nil},
		"longer inline code":            {"x ``a ` b\n/redundancy status\nbar`` there", nil},
		"inline code closed before":     {"`a` and `b`\n/redundancy status\nand `c`", []Request{status}},
		"one backtick alone":            {"it`s broken\n/redundancy status", []Request{status}},
		"backtick in another paragraph": {"it`s broken\n\n/redundancy status\n\nit`s", []Request{status}},
		"escaped backtick":              {"it\\`s broken\n/redundancy status\nit`s", []Request{status}},
		"code after a heading":          {"# a `\n`\n/redundancy status\n`", nil},
		"code over what is no item":     {"a `x\n2. y\n/redundancy status\nz`", nil},
		"code in an item":               {"- a `\n- `\n/redundancy status\n`", nil},
		"code after a fence":            {"`\n```\nx\n```\n`\n/redundancy status\n`", nil},
		"code after a comment":          {"<!-- `\n-->\n`\n/redundancy status\n`", nil},
		"tag in inline code":            {"the `<pre>` is wrong, `<!--` too\n/redundancy status", []Request{status}},
		"tag in HTML, no inline code":   {"<div>`<pre>`\n/redundancy status\n</pre></div>", nil},
		"argument too many":             {"/redundancy status now", []Request{{Line: "/redundancy status now", Answer: "Too many arguments: the usage is `/redundancy status`."}}},
		"control character":             {"/redundancy recover a\x1b[31m", []Request{{Line: "/redundancy recover a\x1b[31m", Answer: "`a\\x1b[31m` is not a usable argument: at most 255 bytes of printable characters."}}},
		"invalid UTF-8":                 {"/redundancy recover \xff", []Request{{Line: "/redundancy recover \xff", Answer: "`\ufffd` is not a usable argument: at most 255 bytes of printable characters."}}},
		"two arguments":                 {"/redundancy pause a 2h", []Request{{Name: Pause, Args: []string{"a", "2h"}, Line: "/redundancy pause a 2h"}}},
		"an argument is missing":        {"/redundancy explain", []Request{{Line: "/redundancy explain", Answer: "Something is missing: the usage is `/redundancy explain <incident>`."}}},
		"typing error":                  {"/redundancy recoverr", []Request{{Line: "/redundancy recoverr", Answer: "There is no command `recoverr`. Did you mean `/redundancy recover [target]`? `/redundancy help` lists all commands."}}},
		"mention":                       {"/redundancy @everybody", []Request{{Line: "/redundancy @everybody", Answer: "There is no command `@everybody`. Did you mean `/redundancy recover [target]`? `/redundancy help` lists all commands."}}},
		"markup":                        {"/redundancy `x`![](http://x)", []Request{{Line: "/redundancy `x`![](http://x)", Answer: "There is no command `` `x`![](http://x) ``. Did you mean `/redundancy help`? `/redundancy help` lists all commands."}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Parse(tc.body)
			if diff := cmp.Diff(tc.want, got.Requests, cmp.Transformer("args", func(a []string) string { return strings.Join(a, "\x00") })); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if Has(tc.body) != (len(tc.want) > 0) {
				t.Errorf("Has = %t", Has(tc.body))
			}
		})
	}
}

func TestManyComments(t *testing.T) {
	const comment = "<!--\n-->\n"
	for n, want := range map[int]bool{maxBreaks - 1: true, maxBreaks: true, maxBreaks + 1: false} {
		if got := Has(strings.Repeat(comment, n) + "/redundancy status"); got != want {
			t.Errorf("after %d comments: %t", n, got)
		}
		if !Has(strings.Repeat(comment, n) + "\n/redundancy status") {
			t.Errorf("in a paragraph of its own after %d comments it is ignored", n)
		}
	}
}

// The longest comment that GitHub takes has 64 Ki characters.
func BenchmarkParse(b *testing.B) {
	for name, part := range map[string]string{
		"text": "word `code` word\n", "comments": "<!--\n-->`\n`\n", "backticks": "` `` ``` ````\n", "tags": "<a b='<pre>x</pre>", "items": "- `\n",
	} {
		body := strings.Repeat(part, 65536/len(part))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Parse(body)
			}
		})
	}
}

func TestEveryCommandIsNearestToItself(t *testing.T) {
	for _, c := range Commands {
		answer := Parse(Prefix + " " + c.Name + "x").Requests[0].Answer
		if !strings.Contains(answer, "Did you mean `"+c.Synopsis()+"`") {
			t.Errorf("%sx: %s", c.Name, answer)
		}
	}
}

func TestLimits(t *testing.T) {
	line := func(n int) string { return "/redundancy recover " + strings.Repeat("a", n-len("/redundancy recover ")) }
	for name, tc := range map[string]struct {
		body   string
		answer string
		left   int
	}{
		"argument at the limit":   {"/redundancy recover " + strings.Repeat("a", MaxArg), "", 0},
		"argument over the limit": {"/redundancy recover " + strings.Repeat("a", MaxArg+1), "is not a usable argument", 0},
		"line at the limit":       {line(MaxLine), "is not a usable argument", 0},
		"line over the limit":     {line(MaxLine + 1), "too long", 0},
		"commands at the limit":   {strings.Repeat("/redundancy help\n", MaxCommands), "", 0},
		"commands over the limit": {strings.Repeat("/redundancy help\n", MaxCommands+4), "", 4},
		"huge unknown command":    {"/redundancy " + strings.Repeat("é", 200), "There is no command", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Parse(tc.body)
			if len(p.Requests) > MaxCommands || p.Left != tc.left {
				t.Errorf("%d requests, %d left, want %d left", len(p.Requests), p.Left, tc.left)
			}
			got := p.Requests[0].Answer
			if tc.answer == "" && got != "" || !strings.Contains(got, tc.answer) {
				t.Errorf("answer %q, want %q in it", got, tc.answer)
			}
			if len(got) > 2*MaxLine {
				t.Errorf("answer has %d bytes", len(got))
			}
		})
	}
}

func TestHelpNamesWhatCanBeUsed(t *testing.T) {
	help := HelpText()
	for _, c := range Commands {
		if !strings.Contains(help, "`"+c.Synopsis()+"`") {
			t.Errorf("the help lacks %s:\n%s", c.Name, help)
		}
	}
}

func TestExamplesAreCommands(t *testing.T) {
	for _, c := range Commands {
		for _, example := range c.Examples {
			if got := Parse(example).Requests; len(got) != 1 || got[0].Name != c.Name {
				t.Errorf("example %q of %s is read as %+v", example, c.Name, got)
			}
		}
	}
}

func TestDocumentationIsGenerated(t *testing.T) {
	const path = "../../docs/commands.md"
	if *update {
		if err := os.WriteFile(path, []byte(Documentation()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Documentation(), string(got)); diff != "" {
		t.Errorf("docs/commands.md is stale, write it with: go test ./commands/comment -update (-want +got)\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/redundancy recover marketing-sync", "> q\n/redundancy status", "```\n/redundancy\n```\n/redundancy help",
		"<!--\n/redundancy\n-->", "- ```\r\n/redundancy pause a 2h", "/redundancy \xff\x00`|@x", "<pre>\n/redundancy x",
		"a `x\n2. y\n/redundancy\nz`", "<div>`<!-- -->`\n<a b='\n/redundancy\n'>", "\\`` `\\",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p := Parse(body)
		if Has(body) != (len(p.Requests) > 0) || len(p.Requests) > MaxCommands || p.Left > 0 && len(p.Requests) < MaxCommands {
			t.Errorf("%d requests, %d left", len(p.Requests), p.Left)
		}
		for _, r := range p.Requests {
			if (r.Name == "") == (r.Answer == "") {
				t.Errorf("neither or both of command and answer: %+v", r)
			}
			if !utf8.ValidString(r.Answer) || strings.ContainsAny(r.Answer, "\n\x00\x1b") || len(r.Answer) > 4*MaxLine {
				t.Errorf("answer %q", r.Answer)
			}
			if len(r.Line) > MaxLine || strings.ContainsAny(r.Line, "\r\n") {
				t.Errorf("line %q", r.Line)
			}
			for _, a := range r.Args {
				if a == "" || len(a) > MaxArg || !utf8.ValidString(a) {
					t.Errorf("argument %q", a)
				}
			}
		}
	})
}

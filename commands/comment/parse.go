package comment

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/redundancy-app/redundancy/checks/checkrun"
)

const (
	// MaxCommands of one comment are run; the others are only counted.
	MaxCommands = 3
	// MaxLine is the longest command line, in bytes.
	MaxLine = 500
	// MaxArg is the longest argument, in bytes. A path in git is longer only
	// where nobody puts a workflow.
	MaxArg = 255
	// maxVerb bounds the edit distance's quadratic cost, in characters.
	maxVerb = 32
)

// Parsed is what a comment asks for. Without requests it asks for nothing and
// is to be ignored.
type Parsed struct {
	Requests []Request
	Left     int // commands beyond MaxCommands
}

// Request is one command line: either a command to run, or an answer that says
// why not.
type Request struct {
	Name   string   // of the command; "" when Answer is set
	Args   []string // at most the command's MaxArgs, each 1 to MaxArg bytes without control characters
	Line   string   // as written, for quoting, at most MaxLine bytes
	Answer string   // Markdown, with every inserted text escaped
}

// Has says whether a comment contains a command line, be it a good one or not.
func Has(body string) bool {
	return len(Parse(body).Requests) > 0
}

// Parse reads the commands of a comment. It takes any input.
func Parse(body string) Parsed {
	var p Parsed
	for line := range written(body) {
		rest, ok := cutPrefix(line)
		if !ok {
			continue
		}
		if len(p.Requests) == MaxCommands {
			p.Left++
			continue
		}
		p.Requests = append(p.Requests, parseLine(line, rest))
	}
	return p
}

// cutPrefix takes the prefix off a line, in whatever case. Only ASCII letters
// are folded, so a look-alike is no command.
func cutPrefix(line string) (rest string, ok bool) {
	if len(line) < len(Prefix) || lower(line[:len(Prefix)]) != Prefix {
		return "", false
	}
	rest = line[len(Prefix):]
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) {
		return "", false
	}
	return rest, true
}

func parseLine(line, rest string) Request {
	if len(line) > MaxLine {
		return Request{Line: cut(line, MaxLine), Answer: fmt.Sprintf("That line is too long: a command has at most %d bytes.", MaxLine)}
	}
	req := Request{Line: line}
	words := strings.Fields(rest)
	if len(words) == 0 {
		req.Name = Help
		return req
	}
	c, ok := lookup(lower(words[0]))
	if !ok {
		req.Answer = unknown(words[0])
		return req
	}
	args := words[1:]
	if len(args) > c.MaxArgs {
		req.Answer = fmt.Sprintf("Too many arguments: the usage is `%s`.", c.Synopsis())
		return req
	}
	if len(args) < c.MinArgs {
		req.Answer = fmt.Sprintf("Something is missing: the usage is `%s`.", c.Synopsis())
		return req
	}
	for _, a := range args {
		if len(a) > MaxArg || !printable(a) {
			req.Answer = fmt.Sprintf("%s is not a usable argument: at most %d bytes of printable characters.", quote(a), MaxArg)
			return req
		}
	}
	req.Name, req.Args = c.Name, args
	return req
}

// unknown answers with the nearest known command.
func unknown(word string) string {
	verb := []rune(lower(strings.ToValidUTF8(word, "?")))
	if len(verb) > maxVerb {
		verb = verb[:maxVerb]
	}
	nearest, best := Commands[0], maxVerb+1
	for _, c := range Commands {
		d := levenshtein.ComputeDistance(string(verb), c.Name)
		if d < best {
			nearest, best = c, d
		}
	}
	return fmt.Sprintf("There is no command %s. Did you mean `%s`? `%s %s` lists all commands.", quote(word), nearest.Synopsis(), Prefix, Help)
}

// maxQuote is how much of a bad word is repeated, in bytes.
const maxQuote = 100

// quote repeats a word as code, in which GitHub notifies and links nobody.
func quote(word string) string {
	if short := cut(word, maxQuote); short != word {
		word = short + "…"
	}
	return checkrun.Code(word)
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

package rules

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/redundancy-app/redundancy/config"
)

// yamlPrefix begins actionlint's findings for a file that is no YAML.
const yamlPrefix = "could not parse as YAML: "

// placeLimit is the size in bytes up to which a second parser is asked where
// the syntax error is.
const placeLimit = 64 << 10

// yamlSyntax puts the finding of a file that does not parse at the right place
// and says what the usual cause is. actionlint's parser names the place where
// it began to be confused, a line or a whole block too early.
func yamlSyntax(src source, found []config.Finding) []config.Finding {
	for i := range found {
		f := &found[i]
		if f.Rule != "syntax-check" || !strings.HasPrefix(f.Message, yamlPrefix) {
			continue
		}
		if line, column, ok := place(src.content); ok {
			f.Line, f.Column = line, column
		} else if f.Line == 0 {
			f.Line = 1
		}
		f.Fix = yamlFix(f.Message)
	}
	return found
}

func place(content []byte) (line, column int, ok bool) {
	if len(content) > placeLimit {
		return 0, 0, false
	}
	defer func() {
		if recover() != nil { // only the better place is lost
			line, column, ok = 0, 0, false
		}
	}()
	_, err := parser.ParseBytes(content, 0)
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return 0, 0, false
	}
	p := e.GetToken().Position
	return p.Line, p.Column, p.Line > 0
}

// yamlFix knows the usual causes of the parser's messages.
func yamlFix(message string) string {
	for _, known := range []struct{ part, fix string }{
		{"mapping values are not allowed", `put a value that contains ": " into quotes, and look whether the line is indented too far`},
		{"did not find expected key", "indent the line like its neighbours, and look for text after a closing quote"},
		{"found character that cannot start any token", `indent with spaces instead of tabs, and put a value that begins with "@", "%" or a backquote into quotes`},
		{"found unexpected end of stream", "close the quote that was opened here"},
		{"could not find expected ':'", `write "key: value", with a colon and a space; a text of several lines needs "|" after the key`},
		{"did not find expected '-' indicator", `begin each entry of the list with "- ", all at the same indentation`},
		{"did not find expected ',' or", "close the bracket, or put a comma between the entries"},
		{"unknown anchor", "define the anchor with & before the first * that uses it, or put the value into quotes"},
		{"control characters are not allowed", "save the file as UTF-8 text"},
		{"invalid leading UTF-8", "save the file as UTF-8 text"},
		{"invalid trailing UTF-8", "save the file as UTF-8 text"},
	} {
		if strings.Contains(message, known.part) {
			return known.fix
		}
	}
	return ""
}

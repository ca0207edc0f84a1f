package strict

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. They are far above any real configuration and low enough
// that the worst file within them is read in well under a second.
const (
	// MaxSize is the largest file that is read, in bytes.
	MaxSize = 256 << 10
	// MaxDepth is how deep mappings and lists may nest.
	MaxDepth = 64
	// MaxNodes bounds what is left after aliases are resolved, so that a few
	// lines of aliases of aliases cannot grow into gigabytes.
	MaxNodes = 20_000
	// maxTokens bounds the parser's work before nodes are counted.
	maxTokens = 100_000
	// maxIndicators bounds the "-" and "?" on one line, which nest too.
	maxIndicators = 16
)

// checkBytes finds what makes a file unreadable before any parser sees it. A
// byte order mark at the start is allowed and cut off.
func checkBytes(data []byte) ([]byte, []Problem) {
	if len(data) > MaxSize {
		return nil, []Problem{{1, 1, RuleLimit, fmt.Sprintf("the file has %d bytes, at most %d are read", len(data), MaxSize), ""}}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var problems []Problem
	for i, line := range bytes.Split(data, []byte("\n")) {
		for _, marker := range []string{"<<<<<<< ", "||||||| ", ">>>>>>> "} {
			if bytes.HasPrefix(line, []byte(marker)) {
				problems = append(problems, Problem{i + 1, 1, RuleSyntax, fmt.Sprintf("merge conflict marker %q: resolve the conflict and remove the marker", marker[:7]), ""})
			}
		}
		if col := badByte(line); col > 0 {
			problems = append(problems, Problem{i + 1, col, RuleSyntax, "control character or invalid UTF-8: save the file as plain UTF-8 text", ""})
			break // a binary file would give one for every line
		}
	}
	return data, problems
}

// badByte is the column of the first rune that no text file holds, or 0.
func badByte(line []byte) int {
	col := 0
	for i := 0; i < len(line); col++ {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 || r < ' ' && r != '\t' && r != '\r' || r == 0x7f {
			return col + 1
		}
		i += size
	}
	return 0
}

// checkDepth bounds nesting on the tokens, because the parser recurses and
// takes quadratic time in the depth: 100 kB of "[" would keep it busy for
// minutes.
func checkDepth(tokens token.Tokens) *Problem {
	if len(tokens) > maxTokens {
		return &Problem{1, 1, RuleLimit, fmt.Sprintf("the file is too large: more than %d tokens", maxTokens), ""}
	}
	var flow, line, indicators int
	var indents []int // columns at which the open blocks start
	for _, t := range tokens {
		if t.Position.Line != line {
			line, indicators = t.Position.Line, 0
			for len(indents) > 0 && indents[len(indents)-1] >= t.Position.Column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, t.Position.Column)
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			indicators++
		}
		if flow > MaxDepth || len(indents) > MaxDepth || indicators > maxIndicators {
			return &Problem{t.Position.Line, max(1, t.Position.Column), RuleLimit, fmt.Sprintf("nested too deep: at most %d levels", MaxDepth), ""}
		}
	}
	return nil
}

// CheckNesting bounds the flow nesting of a YAML file for parsers of other
// libraries, which recurse and take quadratic time in it. It looks at bytes
// only, so brackets in text count too; no real file comes near the limit.
func CheckNesting(data []byte) error {
	depth, indicators := 0, 0
	for i, b := range data {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '\n':
			indicators = 0
		case '-', '?':
			if i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t') {
				indicators++
			}
		}
		if depth > maxBrackets || indicators > maxBrackets {
			return fmt.Errorf("nested too deep: more than %d open brackets or list entries in a line", maxBrackets)
		}
	}
	return nil
}

// maxBrackets is high, because brackets of scripts in a workflow need not close.
const maxBrackets = 2000

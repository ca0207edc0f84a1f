package rules

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/redundancy-app/redundancy/config"
)

// What actionlint can be asked for. It resolves YAML aliases by walking the
// anchor again, so 26 lines of anchors would keep it busy for hours; it
// compares every value of a matrix with the others and with every exclusion;
// it parses expressions by recursion and makes a finding of each operator in
// them. GitHub refuses all of these too: it takes 256 jobs from a matrix and
// 21,000 characters of an expression (ExpressionConstants of actions/runner).
// The workflows of popular Go modules stay a factor of 100 below each limit
// (but the depth).
const (
	maxNodes       = 100_000   // of the YAML tree with aliases written out
	maxText        = 2_000_000 // bytes of all scalars with aliases written out
	maxExpression  = 21_000    // bytes of one
	maxExpressions = 128_000   // bytes of all with aliases written out
	maxMatrix      = 2_000_000 // comparisons of nodes, of all matrices together
	maxSequence    = 1000
	maxDepth       = 500 // of brackets
	maxNots        = 100 // "!" in a row
	// Below this size and without anchors nothing can be too complex but
	// brackets, and the second parse is saved.
	alwaysFine = 16 << 10
)

func tooComplex(content []byte) (config.Finding, bool) {
	finding := func(line, column int, format string, args ...any) (config.Finding, bool) {
		return config.Finding{
			Line: line, Column: column, Rule: TooComplex, Severity: config.Error,
			Message: fmt.Sprintf(format, args...) + ". The rest of the file was not checked",
		}, true
	}
	if line, ok := tooDeep(content); ok {
		return finding(line, 1, "brackets are nested more than %d deep, or %d \"!\" follow each other", maxDepth, maxNots)
	}
	if len(content) <= alwaysFine && !mayHaveAnchor(content) {
		return config.Finding{}, false
	}
	var root yaml.Node
	if yaml.Unmarshal(content, &root) != nil {
		return config.Finding{}, false // actionlint says why, from the same parser
	}
	t := tree{weights: map[*yaml.Node]weight{}}
	switch w := t.weigh(&root); {
	case w.nodes > maxNodes:
		return finding(1, 1, "with its aliases written out the file has more than %d values", maxNodes)
	case w.text > maxText:
		return finding(1, 1, "with its aliases written out the file has more than %d bytes", maxText)
	case t.longest != nil:
		return finding(t.longest.Line, t.longest.Column, "this list has %d entries, more than %d", len(t.longest.Content), maxSequence)
	case t.expression != nil:
		return finding(t.expression.Line, t.expression.Column, "an expression here is longer than the %d characters that GitHub takes", maxExpression)
	case w.expressions > maxExpressions:
		return finding(1, 1, "the file's expressions have more than %d bytes together, with aliases written out", maxExpressions)
	case w.matrix > maxMatrix:
		return finding(t.matrix.Line, t.matrix.Column, "this matrix has too many values and exclusions to compare them all; GitHub makes 256 jobs of a matrix")
	}
	return config.Finding{}, false
}

// mayHaveAnchor is true when "&" begins a word somewhere. In "&&", "2>&1" and
// "a & b" it does not.
func mayHaveAnchor(content []byte) bool {
	for i := 0; ; i++ {
		next := bytes.IndexByte(content[i:], '&')
		if next < 0 {
			return false
		}
		i += next
		before := i == 0 || bytes.IndexByte([]byte(" \t\r\n[{,:-"), content[i-1]) >= 0
		after := i+1 < len(content) && bytes.IndexByte([]byte(" \t\r\n&,[]{}"), content[i+1]) < 0
		if before && after {
			return true
		}
	}
}

// tooDeep counts brackets without regard to what they mean, which costs less
// than knowing. Closing ones that nothing opened (shell's "case") count for
// nothing.
func tooDeep(content []byte) (line int, bad bool) {
	depth, nots := 0, 0
	for i, c := range content {
		switch c {
		case '(', '[':
			depth++
			nots = 0
		case ')', ']':
			depth = max(depth-1, 0)
			nots = 0
		case '!':
			nots++
		case ' ', '\t', '\n', '\r':
		default:
			nots = 0
		}
		if depth > maxDepth || nots > maxNots {
			return 1 + bytes.Count(content[:i], []byte("\n")), true
		}
	}
	return 0, false
}

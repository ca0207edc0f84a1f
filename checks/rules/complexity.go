package rules

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/redundancy-app/redundancy/config"
)

// What actionlint can be asked for. It resolves YAML aliases by walking the
// anchor again, so 26 lines of anchors would keep it busy for hours; it
// compares every value of a matrix with every exclusion; and it parses
// expressions by recursion. GitHub refuses all of these too: it takes 256 jobs
// from a matrix.
const (
	maxNodes    = 100_000 // of the YAML tree with aliases written out
	maxSequence = 1000
	maxDepth    = 500 // of brackets
	maxNots     = 100 // "!" in a row
	// Below this size and without anchors nothing can be too complex but
	// brackets, and the second parse is saved.
	alwaysFine = 32 << 10
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
	t := tree{sizes: map[*yaml.Node]int{}}
	if size := t.size(&root); size > maxNodes {
		return finding(1, 1, "with its aliases written out the file has more than %d values", maxNodes)
	}
	if t.longest != nil {
		return finding(t.longest.Line, t.longest.Column, "this list has %d entries, more than %d", len(t.longest.Content), maxSequence)
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

// tree measures a YAML document. Each node is visited once, however many
// aliases lead to it.
type tree struct {
	sizes   map[*yaml.Node]int
	longest *yaml.Node // a sequence that is too long
}

// size is the number of nodes with aliases written out, up to maxNodes+1.
func (t *tree) size(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if s, known := t.sizes[n]; known {
		return s
	}
	t.sizes[n] = 1 // for an alias inside of its own anchor, which actionlint reports
	if n.Kind == yaml.SequenceNode && len(n.Content) > maxSequence && t.longest == nil {
		t.longest = n
	}
	sum := 1
	for _, c := range n.Content {
		sum = min(sum+t.size(c), maxNodes+1)
	}
	t.sizes[n] = sum
	return sum
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

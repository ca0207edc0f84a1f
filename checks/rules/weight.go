package rules

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// weight is what a part of a YAML document costs, with aliases written out.
// Each number stops at enough, so that sums of them cannot overflow.
type weight struct{ nodes, text, expressions, matrix int }

// enough is above every limit.
const enough = 1 << 40

func (w weight) plus(o weight) weight {
	return weight{
		nodes: min(w.nodes+o.nodes, enough), text: min(w.text+o.text, enough),
		expressions: min(w.expressions+o.expressions, enough), matrix: min(w.matrix+o.matrix, enough),
	}
}

// tree weighs a YAML document. Each node is visited once, however many aliases
// lead to it.
type tree struct {
	weights    map[*yaml.Node]weight
	longest    *yaml.Node // a sequence that is too long
	expression *yaml.Node // a scalar with an expression that is too long
	matrix     *yaml.Node // the dearest matrix
	dearest    int
}

func (t *tree) weigh(n *yaml.Node) weight {
	n = target(n)
	if w, known := t.weights[n]; known {
		return w
	}
	w := weight{nodes: 1}
	t.weights[n] = w // for an alias inside of its own anchor, which actionlint reports
	switch n.Kind {
	case yaml.ScalarNode:
		w.text = len(n.Value)
		w.expressions = t.expressions(n)
	case yaml.SequenceNode:
		if len(n.Content) > maxSequence && t.longest == nil {
			t.longest = n
		}
	}
	for i, c := range n.Content {
		w = w.plus(t.weigh(c))
		if n.Kind != yaml.MappingNode || i%2 == 0 {
			continue
		}
		switch c = target(c); n.Content[i-1].Value {
		case "if": // an expression without "${{"
			if c.Kind == yaml.ScalarNode {
				w = w.plus(weight{expressions: len(c.Value)})
				t.checkLength(c, len(c.Value))
			}
		case "matrix":
			w = w.plus(weight{matrix: t.comparisons(c)})
		}
	}
	t.weights[n] = w
	return w
}

// target is the node that an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// comparisons that a matrix makes necessary: values of a row with each other,
// and rows with exclusions.
func (t *tree) comparisons(matrix *yaml.Node) int {
	if matrix.Kind != yaml.MappingNode {
		return 0
	}
	rows, excluded, sum := 0, 0, 0
	for i := 1; i < len(matrix.Content); i += 2 {
		c := target(matrix.Content[i])
		switch nodes := t.weigh(c).nodes; matrix.Content[i-1].Value {
		case "include":
		case "exclude":
			excluded += nodes
		default:
			rows += nodes
			sum = min(sum+len(c.Content)*min(nodes, enough/MaxFile), enough)
		}
	}
	sum = min(sum+min(rows, MaxFile)*min(excluded, MaxFile), enough)
	if sum > t.dearest {
		t.dearest, t.matrix = sum, matrix
	}
	return sum
}

// expressions is the number of bytes between "${{" and "}}". Of those in
// quotes, "}}" ends nothing.
func (t *tree) expressions(n *yaml.Node) (sum int) {
	for rest := n.Value; ; {
		_, after, found := strings.Cut(rest, "${{")
		if !found {
			return sum
		}
		length := endOfExpression(after)
		t.checkLength(n, length)
		sum += length
		rest = after[length:]
	}
}

func endOfExpression(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && s[i] == '}' && strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return len(s)
}

func (t *tree) checkLength(n *yaml.Node, bytes int) {
	if bytes > maxExpression && t.expression == nil {
		t.expression = n
	}
}

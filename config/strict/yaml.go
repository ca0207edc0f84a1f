package strict

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// ParseYAML reads one YAML document. The node is nil when the file cannot be
// read at all; otherwise problems holds what was wrong without being fatal
// (repeated keys, further documents).
func ParseYAML(data []byte) (root *Node, problems []Problem) {
	data, problems = checkBytes(data)
	if len(problems) > 0 {
		return nil, problems
	}
	// The library has panicked on damaged input before; one file of one
	// repository must not take the process down.
	defer func() {
		if r := recover(); r != nil {
			root, problems = nil, []Problem{{1, 1, RuleSyntax, fmt.Sprintf("not readable as YAML: %v", r), ""}}
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if p := checkDepth(tokens); p != nil {
		return nil, []Problem{*p}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // they are reported below, all of them
	if err != nil {
		return nil, []Problem{syntaxProblem(err)}
	}
	c := &converter{anchors: map[string]ast.Node{}, left: MaxNodes}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			c.problem(doc.Body, RuleSyntax, "a second YAML document: one file holds one configuration, remove the \"---\" and what follows")
			break
		}
		root = c.node(doc.Body)
	}
	if c.left < 0 {
		return nil, []Problem{{1, 1, RuleLimit, fmt.Sprintf("too many values: at most %d once aliases are resolved", MaxNodes), ""}}
	}
	if root == nil {
		return nil, append(c.problems, Problem{1, 1, RuleSyntax, "the file is empty", ""})
	}
	return root, c.problems
}

// syntaxProblem takes the place and the bare message out of the library's
// error, whose text spans several lines and quotes the source.
func syntaxProblem(err error) Problem {
	var placed interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &placed) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return Problem{1, 1, RuleSyntax, "not valid YAML: " + first, ""}
	}
	p := Problem{1, 1, RuleSyntax, "not valid YAML: " + placed.GetMessage(), ""}
	if t := placed.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = max(1, t.Position.Line), max(1, t.Position.Column)
	}
	if strings.Contains(p.Message, `'\t'`) || strings.Contains(p.Message, "'\t'") {
		p.Message, p.Fix = "not valid YAML: a tab indents this line", "indent with spaces"
	}
	return p
}

// converter turns the library's tree into ours.
type converter struct {
	problems []Problem
	anchors  map[string]ast.Node
	open     []string // anchors whose value is being converted
	left     int      // nodes
}

func (c *converter) problem(n ast.Node, rule, format string, args ...any) {
	line, col := place(n)
	c.problems = append(c.problems, Problem{line, col, rule, fmt.Sprintf(format, args...), ""})
}

func place(n ast.Node) (line, column int) {
	switch v := n.(type) {
	case *ast.MappingNode: // of a block mapping the token is its first ":"
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return place(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(v.Key)
	case *ast.AnchorNode:
		if v.Value != nil {
			return place(v.Value)
		}
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return max(1, t.Position.Line), max(1, t.Position.Column)
	}
	return 1, 1
}

func (c *converter) node(n ast.Node) *Node {
	line, col := 1, 1
	if n != nil {
		line, col = place(n)
	}
	out := &Node{Kind: Null, Line: line, Column: col}
	if c.left--; c.left < 0 || n == nil {
		return out
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		out.Kind = Mapping
		for _, value := range v.Values {
			c.entry(out, value)
		}
	case *ast.MappingValueNode:
		out.Kind = Mapping
		c.entry(out, v)
	case *ast.SequenceNode:
		out.Kind = Sequence
		for _, item := range v.Values {
			out.Items = append(out.Items, c.node(item))
		}
	case *ast.AnchorNode:
		name := v.Name.GetToken().Value
		c.anchors[name] = v.Value
		c.open = append(c.open, name)
		out = c.node(v.Value)
		c.open = c.open[:len(c.open)-1]
	case *ast.AliasNode:
		return c.alias(v, out)
	case *ast.TagNode:
		c.problem(v, RuleSyntax, "tag %s is not supported: write the plain value", v.Start.Value)
	default:
		c.scalar(n, out)
	}
	return out
}

func (c *converter) alias(v *ast.AliasNode, out *Node) *Node {
	name := v.Value.GetToken().Value
	target, ok := c.anchors[name]
	for _, open := range c.open {
		if open == name {
			ok = false // an anchor that contains itself never ends
		}
	}
	if !ok {
		c.problem(v, RuleSyntax, "alias *%s has no anchor &%s before it", name, name)
		return out
	}
	c.open = append(c.open, name)
	out = c.node(target)
	c.open = c.open[:len(c.open)-1]
	return out
}

func (c *converter) scalar(n ast.Node, out *Node) {
	switch v := n.(type) {
	case *ast.StringNode:
		out.Kind, out.Text = String, v.Value
	case *ast.LiteralNode:
		out.Kind, out.Text = String, v.Value.Value
	case *ast.IntegerNode:
		out.Kind, out.Text = Number, v.Token.Value
	case *ast.FloatNode:
		out.Kind, out.Text = Number, v.Token.Value
	case *ast.BoolNode:
		out.Kind, out.Text = Bool, v.Token.Value
	case *ast.InfinityNode:
		out.Kind, out.Text = Number, v.Token.Value
	case *ast.NanNode:
		out.Kind, out.Text = Number, v.Token.Value
	case *ast.NullNode:
	default:
		c.problem(n, RuleSyntax, "%s is not expected here", strings.ToLower(n.Type().String()))
	}
}

func (c *converter) entry(m *Node, v *ast.MappingValueNode) {
	if v.Key.IsMergeKey() {
		c.problem(v.Key, RuleSyntax, "merge key << is not supported: write the keys out")
		return
	}
	line, col := place(v.Key)
	key := &Node{Kind: String, Line: line, Column: col}
	switch k := v.Key.(type) {
	case *ast.StringNode:
		key.Text = k.Value
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode, *ast.NullNode:
		key.Text = k.GetToken().Value
	default:
		c.problem(v.Key, RuleSyntax, "a key must be a plain string")
		return
	}
	for _, e := range m.Entries {
		if e.Key.Text == key.Text {
			c.problems = append(c.problems, Problem{line, col, RuleDuplicate, fmt.Sprintf("key %q is already set in line %d", key.Text, e.Key.Line), ""})
			c.node(v.Value) // for its own problems and anchors
			return
		}
	}
	value := c.node(v.Value)
	if value.Kind == Null { // it has no place of its own
		value.Line, value.Column = line, col
	}
	m.Entries = append(m.Entries, Entry{key, value})
}

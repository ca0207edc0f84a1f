package config

import (
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
)

// maxCondition bounds the conditions that are read, in bytes: the parser is
// recursive.
const maxCondition = 2000

// onlyIf says whether a condition can be true only while property is 'true'.
func onlyIf(cond *actionlint.String, property string) bool {
	if cond == nil {
		return false
	}
	text := strings.TrimSpace(cond.Value)
	if inner, is := expression(text); is {
		text = inner
	}
	return implies(parse(text), property)
}

// implies: of an "and", one side is enough; of an "or", both are needed.
func implies(n actionlint.ExprNode, property string) bool {
	switch n := n.(type) {
	case *actionlint.LogicalOpNode:
		if n.Kind == actionlint.LogicalOpNodeKindAnd {
			return implies(n.Left, property) || implies(n.Right, property)
		}
		return implies(n.Left, property) && implies(n.Right, property)
	case *actionlint.CompareOpNode:
		return n.Kind == actionlint.CompareOpNodeKindEq &&
			(isProperty(n.Left, property) && isTrue(n.Right) || isTrue(n.Left) && isProperty(n.Right, property))
	case *actionlint.FuncCallNode:
		return strings.EqualFold(n.Callee, "fromJSON") && len(n.Args) == 1 && isProperty(n.Args[0], property)
	}
	return false
}

// isTrue: outputs are texts, and only the text is equal to one.
func isTrue(n actionlint.ExprNode) bool {
	s, ok := n.(*actionlint.StringNode)
	return ok && strings.EqualFold(s.Value, "true")
}

// isProperty says whether an expression is "a.b.c" and nothing else. GitHub
// ignores case there, and path is in lower case.
func isProperty(n actionlint.ExprNode, path string) bool {
	switch n := n.(type) {
	case *actionlint.ObjectDerefNode:
		parent, last, ok := cutLast(path)
		return ok && strings.EqualFold(n.Property, last) && isProperty(n.Receiver, parent)
	case *actionlint.VariableNode:
		return strings.EqualFold(n.Name, path)
	}
	return false
}

func cutLast(path string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// expression is the inside of a text that is one "${{ … }}" and nothing else.
func expression(text string) (string, bool) {
	inner, begins := strings.CutPrefix(strings.TrimSpace(text), "${{")
	inner, ends := strings.CutSuffix(inner, "}}")
	return strings.TrimSpace(inner), begins && ends && !strings.Contains(inner, "${{") && !strings.Contains(inner, "}}")
}

// parse reads an expression; nil when it is none.
func parse(text string) actionlint.ExprNode {
	if len(text) > maxCondition {
		return nil
	}
	n, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(text + "}}"))
	if err != nil {
		return nil
	}
	return n
}

// statusCheck finds the functions that make a job run although one that it
// waits for was passed over.
var statusCheck = regexp.MustCompile(`(?i)\b(always|failure|cancelled)\s*\(`)

func whatever(cond *actionlint.String) bool {
	return cond != nil && statusCheck.MatchString(cond.Value)
}

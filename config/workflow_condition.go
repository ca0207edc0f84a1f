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
	return implies(condition(cond), func(n actionlint.ExprNode) bool { return saysTrue(n, property) })
}

// condition reads a condition as GitHub does; nil when it is none, or a text
// with an expression in it: that is true whatever the expression says, and a
// line end or a space beside the braces is enough of a text.
func condition(cond *actionlint.String) actionlint.ExprNode {
	if cond == nil {
		return nil
	}
	text := cond.Value
	if inner, is := expression(text); is {
		text = inner
	}
	if strings.Contains(text, "${{") || strings.Contains(text, "}}") {
		return nil
	}
	return parse(strings.TrimSpace(text))
}

// implies says whether an expression can be true only when one of its parts is
// that proves says yes to: of an "and", one side is enough; of an "or", both
// are needed.
func implies(n actionlint.ExprNode, proves func(actionlint.ExprNode) bool) bool {
	if n, ok := n.(*actionlint.LogicalOpNode); ok {
		if n.Kind == actionlint.LogicalOpNodeKindAnd {
			return implies(n.Left, proves) || implies(n.Right, proves)
		}
		return implies(n.Left, proves) && implies(n.Right, proves)
	}
	return n != nil && proves(n)
}

func saysTrue(n actionlint.ExprNode, property string) bool {
	switch n := n.(type) {
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
	inner, begins := strings.CutPrefix(text, "${{")
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

// statusCheck finds the functions that take the place of GitHub's own
// condition, which is success().
var statusCheck = regexp.MustCompile(`(?i)\b(success|always|failure|cancelled)\s*\(`)

// afterSuccess says whether a job is passed over when one that it waits for was:
// that is so without a condition, and with one that names no status. One that
// does has to need success() in every case.
func afterSuccess(cond *actionlint.String) bool {
	if cond == nil || !statusCheck.MatchString(cond.Value) {
		return true
	}
	return implies(condition(cond), func(n actionlint.ExprNode) bool {
		f, ok := n.(*actionlint.FuncCallNode)
		return ok && strings.EqualFold(f.Callee, "success") && len(f.Args) == 0
	})
}

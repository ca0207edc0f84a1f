package home

import (
	"errors"
	"strings"

	"github.com/rhysd/actionlint"
)

// maxExpression is GitHub's limit of one expression, in bytes. It also bounds
// the parser, which calls itself for every bracket.
const maxExpression = 21_000

var (
	errLong     = errors.New("an expression is longer than 21,000 characters")
	errNoClose  = errors.New("an expression does not end")
	errNoSyntax = errors.New("an expression cannot be read")
)

// reference is what an expression takes from one of the contexts that matter.
type reference struct {
	context string // secrets, github or vars
	name    string // in lower case; "" is any, as in toJSON(secrets) or secrets[x]
}

// parseExpression reads the inside of "${{ … }}".
func parseExpression(text string) (actionlint.ExprNode, error) {
	if len(text) > maxExpression {
		return nil, errLong
	}
	l := actionlint.NewExprLexer(text + "}}")
	n, err := actionlint.NewExprParser().Parse(l)
	if err != nil || l.Offset() < len(text) { // it ended before the text did
		return nil, errNoSyntax
	}
	return n, nil
}

// soleExpression is the inside of a text that is one "${{ … }}" and nothing else.
func soleExpression(text string) (string, bool) {
	inner, begins := strings.CutPrefix(strings.TrimSpace(text), "${{")
	inner, ends := strings.CutSuffix(inner, "}}")
	return strings.TrimSpace(inner), begins && ends && !strings.Contains(inner, "${{") && !strings.Contains(inner, "}}")
}

// references are those of all expressions in a text; condition is a text that is
// one as a whole, as that of "if". They are complete without an error only.
func references(text string, condition bool) ([]reference, error) {
	if condition && !strings.Contains(text, "${{") {
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
		n, err := parseExpression(text)
		return taken(nil, n), err
	}
	var refs []reference
	for {
		_, rest, more := strings.Cut(text, "${{")
		if !more {
			return refs, nil
		}
		// The parser finds the end: "}}" can be in a quoted text.
		part := rest[:min(len(rest), maxExpression+len("}}"))]
		l := actionlint.NewExprLexer(part)
		n, err := actionlint.NewExprParser().Parse(l)
		switch {
		case err == nil:
		case len(part) < len(rest):
			return refs, errLong
		case !strings.Contains(part, "}}"):
			return refs, errNoClose
		default:
			return refs, errNoSyntax
		}
		refs = taken(refs, n)
		text = rest[min(max(l.Offset(), 1), len(rest)):]
	}
}

func taken(refs []reference, n actionlint.ExprNode) []reference {
	if n == nil {
		return refs
	}
	actionlint.VisitExprNode(n, func(n, parent actionlint.ExprNode, entering bool) {
		v, ok := n.(*actionlint.VariableNode)
		if !ok || !entering {
			return
		}
		switch v.Name {
		case "secrets", "github", "vars":
			refs = append(refs, reference{v.Name, member(v, parent)})
		}
	})
	return refs
}

// member is the name that an expression takes of a context, "" when it can be any.
func member(v *actionlint.VariableNode, parent actionlint.ExprNode) string {
	switch p := parent.(type) {
	case *actionlint.ObjectDerefNode:
		return strings.ToLower(p.Property)
	case *actionlint.IndexAccessNode:
		if s, literal := p.Index.(*actionlint.StringNode); literal && p.Operand == actionlint.ExprNode(v) {
			return strings.ToLower(s.Value)
		}
	}
	return ""
}

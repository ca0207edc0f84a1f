// Package strict reads configuration files into Go structs and reports every
// problem at its place. A configuration that is nearly right must not half
// work: a misspelt key that is silently dropped turns a safety setting off. So
// unknown keys, wrong types, missing and repeated keys are all problems, each
// with line and column, and reading goes on after each to find the others.
//
// The input is hostile: it comes from repositories that other people write.
// Size, depth and number of nodes are bounded before anything recursive runs.
package strict

// Rules of a [Problem].
const (
	RuleSyntax    = "config-syntax"
	RuleLimit     = "config-limit"
	RuleUnknown   = "config-unknown-key"
	RuleMissing   = "config-missing-key"
	RuleDuplicate = "config-duplicate-key"
	RuleType      = "config-type"
	RuleValue     = "config-value"
)

// Problem is one thing wrong at one place.
type Problem struct {
	Line, Column int // from 1
	Rule         string
	Message      string
	Fix          string // what to write instead; may be empty
}

// Kind of a node.
type Kind string

// The kinds of nodes, as messages name them.
const (
	Mapping  Kind = "a mapping"
	Sequence Kind = "a list"
	String   Kind = "a string"
	Number   Kind = "a number"
	Bool     Kind = "true or false"
	Null     Kind = "nothing"
)

// Node is a value of the file with its place. Aliases are resolved: a node
// reached through one has the place of its anchor.
type Node struct {
	Kind         Kind
	Line, Column int     // from 1
	Text         string  // a scalar as written, without quotes
	Entries      []Entry // of a mapping, in the order of the file
	Items        []*Node // of a sequence
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Key   *Node // a scalar
	Value *Node
}

// Find follows keys (string) and indices (int) and returns the node there, or
// the nearest one above it that exists, so that there is always a place to
// point at. It returns nil for a nil n only.
func (n *Node) Find(path ...any) *Node {
	for _, step := range path {
		next := n.child(step)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// Key returns the node of a key itself, or the nearest node above it.
func (n *Node) Key(path ...any) *Node {
	if len(path) == 0 {
		return n
	}
	parent, last := n.Find(path[:len(path)-1]...), path[len(path)-1]
	if parent != nil {
		for _, e := range parent.Entries {
			if e.Key.Text == last {
				return e.Key
			}
		}
	}
	return n.Find(path...)
}

// Has reports whether there is a node at path.
func (n *Node) Has(path ...any) bool {
	for _, step := range path {
		if n = n.child(step); n == nil {
			return false
		}
	}
	return n != nil
}

func (n *Node) child(step any) *Node {
	if n == nil {
		return nil
	}
	switch s := step.(type) {
	case string:
		for _, e := range n.Entries {
			if e.Key.Text == s {
				return e.Value
			}
		}
	case int:
		if s >= 0 && s < len(n.Items) {
			return n.Items[s]
		}
	}
	return nil
}

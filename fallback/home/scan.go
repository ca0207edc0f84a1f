package home

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// expressions judges all expressions of a workflow, wherever they stand: a place
// that is not thought of here must not hide one.
func (j *judge) expressions(f *file) {
	s := scan{judge: j, secrets: f.secrets, host: f.host, known: map[*yaml.Node]found{}, condition: isCondition}
	s.locate = func(path []string, line int) place {
		at := f.at(nil)
		at.line = line
		if len(path) < 2 || path[0] != "jobs" || at.job != "" {
			return at
		}
		at.key, at.job = strings.ToLower(path[1]), path[1]
		if len(path) > 3 && path[2] == "steps" {
			at.step, _ = strconv.Atoi(path[3])
		}
		return at
	}
	s.walk(f.root, nil)
}

// isCondition knows the conditions of jobs, steps and snapshots.
func isCondition(path []string) bool {
	n := len(path)
	if n < 3 || path[0] != "jobs" || path[n-1] != "if" {
		return false
	}
	return n == 3 || n == 5 && path[2] == "steps" || n == 4 && path[2] == "snapshot"
}

// actionExpressions judges those of an action.yml: in its outputs, in what it
// runs, and in the defaults of the inputs that are not given. Its texts for
// people can show expressions that nobody evaluates.
func (j *judge) actionExpressions(at place, root *yaml.Node, given []string) {
	s := scan{judge: j, known: map[*yaml.Node]found{}}
	s.locate = func(_ []string, line int) place {
		at := at
		at.line = line
		return at
	}
	s.condition = func(path []string) bool {
		n := len(path)
		return n == 2 && path[0] == "runs" && (path[1] == "pre-if" || path[1] == "post-if") || n == 4 && path[1] == "steps" && path[3] == "if"
	}
	s.skip = func(path []string) bool {
		switch path[0] {
		case "runs":
			return false
		case "outputs":
			return len(path) == 3 && path[2] != "value"
		case "inputs":
			return len(path) >= 2 && slices.Contains(given, strings.ToLower(path[1])) || len(path) == 3 && path[2] != "default"
		}
		return true
	}
	s.walk(root, nil)
}

// scan walks through a YAML tree. Aliases are followed each time they are met,
// since they stand in other jobs then; config.CheckWorkflow has bounded that,
// and each text is read once.
type scan struct {
	*judge
	secrets   []string
	host      bool
	known     map[*yaml.Node]found
	locate    func(path []string, line int) place
	condition func(path []string) bool
	skip      func(path []string) bool
}

type found struct {
	refs []reference
	err  error
}

// walk goes down from n, which stands at path. The paths share their memory:
// whoever gets one must not keep it.
func (s *scan) walk(n *yaml.Node, path []string) {
	if len(path) > 0 && s.skip != nil && s.skip(path) {
		return
	}
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			s.walk(c, path)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			inner := append(path, key.Value)
			s.text(key, inner, false)
			s.walk(n.Content[i+1], inner)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			s.walk(c, append(path, strconv.Itoa(i+1)))
		}
	case yaml.AliasNode:
		s.walk(n.Alias, path)
	case yaml.ScalarNode:
		s.text(n, path, s.condition(path))
	}
}

func (s *scan) text(n *yaml.Node, path []string, condition bool) {
	if !condition && !strings.Contains(n.Value, "${{") {
		return
	}
	f, ok := s.known[n]
	if !ok || condition {
		f.refs, f.err = references(n.Value, condition)
		s.known[n] = f
	}
	at := s.locate(path, n.Line)
	if f.err != nil {
		s.expression(at, f.err)
	}
	for _, r := range f.refs {
		s.reference(at, r)
	}
}

func (s *scan) reference(at place, r reference) {
	switch {
	case r.context == "secrets" && r.name != "github_token":
		s.secret(at, r.name)
	case r.context == "secrets", r.context == "github" && (r.name == "token" || r.name == ""):
		s.token(at)
	case r.context == "vars":
		s.variable(at, r.name)
	}
}

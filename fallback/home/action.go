package home

import (
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// metadata is the part of an action.yml that says how it runs.
type metadata struct {
	Inputs  map[string]yaml.Node `yaml:"inputs"`
	Outputs yaml.Node            `yaml:"outputs"`
	Runs    struct {
		Using string       `yaml:"using"`
		Steps []actionStep `yaml:"steps"`
	} `yaml:"runs"`
}

type actionStep struct {
	Uses    string               `yaml:"uses"`
	With    map[string]yaml.Node `yaml:"with"`
	Timeout yaml.Node            `yaml:"timeout-minutes"`
}

var errNoRuns = errors.New("it does not say how it runs")

// readAction reads an action.yml whose size and depth are known to be fine.
func readAction(data []byte) (root *yaml.Node, m metadata, err error) {
	if root, err = document(data); err != nil {
		return nil, m, err
	}
	if err := root.Decode(&m); err != nil {
		return nil, m, err
	}
	if m.Runs.Using == "" {
		return nil, m, errNoRuns
	}
	return root, m, nil
}

// action judges an action by its metadata, and what it uses.
func (j *judge) action(u use, name string, data []byte) {
	if u.depth >= maxDepth {
		j.refuse(&ruleAction, u.place, "%s is the action of more than %d others", show(u.text), maxDepth)
		return
	}
	at := u.place
	at.file, at.line = name, 0
	if !j.readable(at, data) {
		return
	}
	root, m, err := readAction(data)
	if err != nil {
		j.refuse(&ruleAction, at, "the metadata of %s cannot be read: %s", show(u.text), show(err.Error()))
		return
	}
	j.actionExpressions(at, root, u.with)
	switch using := strings.ToLower(m.Runs.Using); {
	case using == "docker":
		j.docker(u)
	case using == "composite":
		for _, s := range m.Runs.Steps {
			j.compositeStep(u, at, s)
		}
	case isNode(using):
		j.node(u)
	default:
		j.refuse(&ruleAction, u.place, "%s runs by %s, which act does not know", show(u.text), show(m.Runs.Using))
	}
}

func (j *judge) compositeStep(u use, at place, s actionStep) {
	if !s.Timeout.IsZero() {
		at := at
		at.line = s.Timeout.Line
		j.refuse(&ruleTimeout, at, "a step of %s has a time limit, which steps of actions cannot have", show(u.text))
	}
	if s.Uses == "" {
		return
	}
	inner := use{place: at, text: s.Uses, depth: u.depth + 1}
	for name := range s.With {
		inner.with = append(inner.with, strings.ToLower(name))
	}
	j.uses(inner)
}

// readLimited reads up to one byte more than a file may have, which is enough
// to know that it is too large.
func readLimited(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, MaxFile+1)) }

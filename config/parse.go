package config

import (
	"cmp"
	"slices"

	"github.com/redundancy-app/redundancy/config/strict"
)

// MaxSize is the largest configuration file that is read, in bytes.
const MaxSize = strict.MaxSize

// RuleReference is the rule of findings about references that lead nowhere;
// those about the file itself are in package strict.
const RuleReference = "config-reference"

// ParseRepository reads .github/redundancy.yml. path names the file in the
// findings. Workflow files come back as whole paths and defaults are filled in.
// When any finding has severity [Error] the configuration is broken and the
// returned one is empty. Everything that is wrong is reported, except behind a
// YAML syntax error, where nothing can be known.
func ParseRepository(path string, data []byte) (Repository, []Finding) {
	root, problems := strict.ParseYAML(data)
	c := &checker{path: path, root: root}
	c.take(problems)
	var r Repository
	if root != nil {
		c.take(strict.Decode(root, &r))
		c.repository(&r)
	}
	findings := c.sorted()
	if HasErrors(findings) {
		return Repository{}, findings
	}
	return r, findings
}

// HasErrors reports whether a configuration with these findings is broken.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// checker collects findings about one file.
type checker struct {
	path     string
	root     *strict.Node
	findings []Finding
}

func (c *checker) take(problems []strict.Problem) {
	for _, p := range problems {
		c.findings = append(c.findings, Finding{File: c.path, Line: p.Line, Column: p.Column, Rule: p.Rule, Severity: Error, Message: p.Message, Fix: p.Fix})
	}
}

// add reports something at n, which may be nil for the file as a whole.
func (c *checker) add(s Severity, n *strict.Node, rule, message, fix string) {
	f := Finding{File: c.path, Line: 1, Column: 1, Rule: rule, Severity: s, Message: message, Fix: fix}
	if n != nil {
		f.Line, f.Column = n.Line, n.Column
	}
	c.findings = append(c.findings, f)
}

// sorted returns the findings in the order of the file.
func (c *checker) sorted() []Finding {
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.findings
}

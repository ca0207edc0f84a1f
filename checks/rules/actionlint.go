package rules

import (
	"io"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"

	"github.com/redundancy-app/redundancy/config"
)

// linter is an actionlint.Linter with what it has parsed.
type linter struct {
	*actionlint.Linter
	parsed *tap
}

// tap is a rule that finds nothing and keeps the workflow, so that it is
// parsed once for everything.
type tap struct {
	actionlint.RuleBase
	workflow *actionlint.Workflow
}

// VisitWorkflowPre implements actionlint.Pass.
func (t *tap) VisitWorkflowPre(w *actionlint.Workflow) error {
	t.workflow = w
	return nil
}

// linters holds a linter per goroutine: actionlint does not promise that one
// can be shared. One that has panicked is not put back.
var linters = sync.Pool{New: func() any {
	parsed := &tap{RuleBase: actionlint.NewRuleBase("tap", "Keeps the workflow")}
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{
		OnRulesCreated: func(rules []actionlint.Rule) []actionlint.Rule { return append(rules, parsed) },
		// Empty Shellcheck and Pyflakes: repository content never reaches
		// another program.
		// Color stays unset: to set it would write a global of the library.
		Oneline:    true, // what is printed goes nowhere; this is the cheapest form
		WorkingDir: "/",
	})
	if err != nil {
		return err
	}
	return &linter{l, parsed}
}}

// actionlintFindings runs actionlint. The name "<stdin>" keeps it from looking
// for the path, and for a project around it, on this host. The workflow is nil
// when the content is no YAML.
func actionlintFindings(content []byte) ([]config.Finding, *actionlint.Workflow) {
	l, ok := linters.Get().(*linter)
	if !ok {
		panic("actionlint: no linter")
	}
	errs, err := l.Lint("<stdin>", content, nil)
	w := l.parsed.workflow
	l.parsed.workflow = nil
	linters.Put(l)
	if err != nil {
		return []config.Finding{{Rule: "actionlint", Severity: config.Error, Message: err.Error()}}, w
	}
	found := make([]config.Finding, 0, len(errs))
	for _, e := range errs {
		found = append(found, config.Finding{
			Line: e.Line, Column: e.Column, Rule: e.Kind, Severity: severity(e), Message: e.Message,
		})
	}
	return found, w
}

// severity is a warning for what GitHub runs nevertheless (deprecations,
// style) and for what only the owner can know (labels of own runners); all
// else that actionlint reports does not work or is a hole.
func severity(e *actionlint.Error) config.Severity {
	switch e.Kind {
	case "deprecated-commands", "if-cond":
		return config.Warning
	case "runner-label":
		if strings.Contains(e.Message, "is unknown") {
			return config.Warning
		}
	case "action":
		if strings.Contains(e.Message, "too old to run") || strings.Contains(e.Message, "deprecated") {
			return config.Warning
		}
	case "syntax-check":
		if strings.HasSuffix(e.Message, "is defined but not used") { // a YAML anchor
			return config.Warning
		}
	}
	return config.Error
}

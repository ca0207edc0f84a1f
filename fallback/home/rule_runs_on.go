package home

import (
	"strings"

	"github.com/rhysd/actionlint"
)

var ruleRunsOn = Rule{
	ID: "runs-on", Refuses: "a label that the host does not map, a runner group, and an expression other than a matrix of plain values",
	Why: "act skips such a job, and calls the run a success",
}

func (j *judge) runsOn(_ *file, at place, job *actionlint.Job) {
	r := job.RunsOn
	if r == nil {
		return // it calls a workflow
	}
	if r.Group != nil {
		at.line = r.Group.Pos.Line
		j.refuse(&ruleRunsOn, at, "job %s wants a runner of group %s, and groups are GitHub's", jobName(job), show(r.Group.Value))
	}
	texts := r.Labels
	if r.LabelsExpr != nil {
		texts = []*actionlint.String{r.LabelsExpr}
	}
	if len(texts) == 0 && r.Group == nil {
		j.refuse(&ruleRunsOn, at, "job %s names no label", jobName(job))
	}
	for _, text := range texts {
		at.line = text.Pos.Line
		labels, known := []string{text.Value}, true
		if strings.Contains(text.Value, "${{") {
			labels, known = matrixValues(text.Value, job.Strategy)
		}
		if !known {
			j.refuse(&ruleRunsOn, at, "where job %s runs cannot be known from %s", jobName(job), show(text.Value))
			continue
		}
		for _, label := range labels {
			if !offered(j.in.Host.Labels, label) {
				j.lacks(&ruleRunsOn, at, "the host does not map the label %s of job %s", show(label), jobName(job))
			}
		}
	}
}

// matrixValues are all that "${{ matrix.name }}" can be. Excluded combinations
// count too, which is too strict rather than too lax.
func matrixValues(text string, s *actionlint.Strategy) (values []string, known bool) {
	inner, whole := soleExpression(text)
	n, err := parseExpression(inner)
	d, is := n.(*actionlint.ObjectDerefNode)
	if !whole || err != nil || !is || s == nil || s.Matrix == nil || s.Matrix.Expression != nil {
		return nil, false
	}
	if v, ok := d.Receiver.(*actionlint.VariableNode); !ok || v.Name != "matrix" {
		return nil, false
	}
	row := s.Matrix.Rows[d.Property]
	if row != nil {
		if row.Expression != nil {
			return nil, false
		}
		for _, v := range row.Values {
			if values, known = plainValues(values, v); !known {
				return nil, false
			}
		}
	}
	if s.Matrix.Include == nil {
		return values, row != nil
	}
	if s.Matrix.Include.Expression != nil {
		return nil, false
	}
	for _, c := range s.Matrix.Include.Combinations {
		if c.Expression != nil {
			return nil, false
		}
		if a := c.Assigns[d.Property]; a != nil {
			if values, known = plainValues(values, a.Value); !known {
				return nil, false
			}
		} else if row == nil || assignsRow(c, s.Matrix) {
			return nil, false // it can be a combination of its own, without a label
		}
	}
	return values, len(values) > 0
}

func assignsRow(c *actionlint.MatrixCombination, m *actionlint.Matrix) bool {
	for name := range c.Assigns {
		if m.Rows[name] != nil {
			return true
		}
	}
	return false
}

func plainValues(values []string, v actionlint.RawYAMLValue) ([]string, bool) {
	switch v := v.(type) {
	case *actionlint.RawYAMLString:
		return append(values, v.Value), !strings.Contains(v.Value, "${{")
	case *actionlint.RawYAMLArray:
		known := len(v.Elems) > 0
		for _, e := range v.Elems {
			s, ok := e.(*actionlint.RawYAMLString)
			if !ok || strings.Contains(s.Value, "${{") {
				return nil, false
			}
			values = append(values, s.Value)
		}
		return values, known
	}
	return nil, false
}

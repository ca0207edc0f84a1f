package config_test

import (
	"testing"

	"github.com/redundancy-app/redundancy/config"
)

func TestGuarded(t *testing.T) {
	const guard = "{uses: redundancy-app/redundancy/guard@v1}"
	for name, c := range map[string]struct {
		jobs string
		want bool
	}{
		"first step":                     {"a: {runs-on: x, steps: [" + guard + ", {run: a}]}", true},
		"a copy, pinned, as primary":     {"a: {runs-on: x, steps: [{uses: acme/Redundancy/guard@0123456789012345678901234567890123456789, with: {mode: primary}}]}", true},
		"jobs behind the guarded one":    {"a: {runs-on: x, steps: [" + guard + "]}\n  b: {needs: a, runs-on: x, steps: [{run: a}]}", true},
		"a second job is not guarded":    {"a: {runs-on: x, steps: [" + guard + "]}\n  b: {runs-on: x, steps: [{run: a}]}", false},
		"second step":                    {"a: {runs-on: x, steps: [{run: a}, " + guard + "]}", false},
		"only under a condition":         {"a: {runs-on: x, steps: [{if: github.event_name == 'push', uses: redundancy-app/redundancy/guard@v1}]}", false},
		"as a fallback":                  {"a: {runs-on: x, steps: [{uses: redundancy-app/redundancy/guard@v1, with: {mode: fallback}}]}", false},
		"another action of that name":    {"a: {runs-on: x, steps: [{uses: security/guard@v1}]}", false},
		"another folder":                 {"a: {runs-on: x, steps: [{uses: redundancy-app/redundancy/guard/x@v1}]}", false},
		"an action of the repository":    {"a: {runs-on: x, steps: [{uses: ./guard}]}", false},
		"a workflow that is called":      {"a: {uses: acme/x/.github/workflows/y.yml@main}", false},
		"no job":                         {"{}", false},
		"jobs that wait for one another": {"a: {needs: b, runs-on: x, steps: [" + guard + "]}\n  b: {needs: a, runs-on: x, steps: [" + guard + "]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			facts, _ := config.ReadWorkflow("x.yml", []byte("on: push\njobs:\n  "+c.jobs+"\n"))
			if facts.Guarded != c.want {
				t.Errorf("guarded is %v", facts.Guarded)
			}
		})
	}
}

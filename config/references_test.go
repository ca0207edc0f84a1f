package config

import (
	"strings"
	"testing"
)

// Inputs that the engine gives itself need not stand in the configuration,
// however the fallback declares them.
func TestSuppliedInputsAreNotAskedFor(t *testing.T) {
	const file = "version: 1\nworkflows:\n  - file: a.yml\n    recover: [{dispatch: {workflow: b.yml, ref: main}}]\n"
	workflows := map[string]WorkflowFacts{}
	for name, text := range map[string]string{
		"a.yml": "on: {push: {}}\n",
		"b.yml": "on: {workflow_dispatch: {inputs: {redundancy_claim: {required: true}, redundancy_epoch: {required: true}, redundancy_incident: {required: true}, reason: {required: true}}}}\n",
	} {
		path := WorkflowsDir + "/" + name
		facts, err := ReadWorkflow(path, []byte(text+"jobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		workflows[path] = facts
	}
	r, findings := ParseRepository(RepositoryPath, []byte(file))
	if HasErrors(findings) {
		t.Fatal(findings)
	}
	findings = CheckReferences(RepositoryPath, []byte(file), r, workflows)
	if len(findings) != 1 || !strings.Contains(findings[0].Message, `requires the input "reason"`) {
		t.Errorf("%+v", findings)
	}
}

package home

import "github.com/rhysd/actionlint"

// Rule is one thing that is looked at.
type Rule struct {
	ID string
	// Refuses completes "refused is …", in a few words.
	Refuses string
	// Why it would not mean at home what it says.
	Why string
	// Note: it refuses nothing, and is only told.
	Note bool
}

// Rules lists all rules in the order in which docs/home.md has them.
func Rules() []Rule {
	list := make([]Rule, 0, len(all))
	for _, r := range all {
		list = append(list, *r)
	}
	return list
}

var all = []*Rule{
	&ruleSize, &ruleComplexity, &ruleYAML,
	&ruleEvent, &ruleFork, &ruleDefaultBranch, &ruleApproval,
	&ruleRunsOn, &ruleServices, &ruleContainer, &ruleSnapshot, &ruleTimeout, &ruleEnvironment, &ruleOIDC, &ruleConcurrency, &ruleNeeds,
	&ruleDocker, &ruleCheckout, &rulePinned, &ruleCached, &ruleAction, &ruleNode, &ruleArtifact, &ruleReusable,
	&ruleExpression, &ruleSecret, &ruleInherit, &ruleToken, &ruleVariable,
}

// jobRules look at a job as a whole; its steps come after.
func jobRules() []func(j *judge, f *file, at place, job *actionlint.Job) {
	return []func(j *judge, f *file, at place, job *actionlint.Job){
		(*judge).runsOn, (*judge).services, (*judge).container, (*judge).snapshot, (*judge).jobTimeout,
		(*judge).environment, (*judge).jobPermissions, (*judge).jobConcurrency, (*judge).call,
	}
}

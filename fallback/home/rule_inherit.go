package home

import "github.com/rhysd/actionlint"

var ruleInherit = Rule{
	ID: "inherit", Refuses: "`secrets: inherit`", Why: "it hands on all secrets there are, and at home there are others",
}

func (j *judge) inherit(at place, job *actionlint.Job) {
	if job.WorkflowCall.InheritSecrets {
		j.refuse(&ruleInherit, at, "job %s hands on all secrets by inherit: name them", jobName(job))
	}
}

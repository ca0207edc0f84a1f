package home

import "github.com/rhysd/actionlint"

var ruleContainer = Rule{
	ID: "container", Refuses: "a job with `container`", Why: "in host mode there is none, and the host is not its image",
}

func (j *judge) container(_ *file, at place, job *actionlint.Job) {
	if job.Container != nil {
		at.line = job.Container.Pos.Line
		j.refuse(&ruleContainer, at, "the container of job %s is not started there", jobName(job))
	}
}

package home

import "github.com/rhysd/actionlint"

var ruleServices = Rule{
	ID: "services", Refuses: "a job with `services`", Why: "act does not start them, and the job succeeds without",
}

func (j *judge) services(_ *file, at place, job *actionlint.Job) {
	if job.Services != nil {
		at.line = job.Services.Pos.Line
		j.refuse(&ruleServices, at, "services of job %s are not started there", jobName(job))
	}
}

package home

import (
	"strings"

	"github.com/rhysd/actionlint"
)

var ruleEnvironment = Rule{
	ID: "environment", Refuses: "a job whose `environment` the host does not map, or whose name is an expression",
	Why: "act ignores it, and with it the approvals that GitHub would wait for",
}

func (j *judge) environment(_ *file, at place, job *actionlint.Job) {
	if job.Environment == nil || job.Environment.Name == nil {
		return
	}
	name := job.Environment.Name.Value
	at.line = job.Environment.Pos.Line
	switch {
	case strings.Contains(name, "${{"):
		j.refuse(&ruleEnvironment, at, "the environment of job %s cannot be known from %s", jobName(job), show(name))
	case !offered(j.in.Host.Environments, name):
		j.lacks(&ruleEnvironment, at, "the host does not map the environment %s of job %s", show(name), jobName(job))
	}
}

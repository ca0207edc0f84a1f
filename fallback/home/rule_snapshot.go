package home

import "github.com/rhysd/actionlint"

var ruleSnapshot = Rule{
	ID: "snapshot", Refuses: "a job with `snapshot`", Why: "it is an image of GitHub's runner",
}

func (j *judge) snapshot(_ *file, at place, job *actionlint.Job) {
	if job.Snapshot != nil {
		j.refuse(&ruleSnapshot, at, "no image is taken there for the snapshot of job %s", jobName(job))
	}
}

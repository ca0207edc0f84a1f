package home

import "github.com/rhysd/actionlint"

var ruleConcurrency = Rule{
	ID: "concurrency", Note: true, Refuses: "nothing: `concurrency` is only told",
	Why: "a claim lets one run at a time make up for an occurrence, and none is cancelled for a newer one; GitHub's groups are not known there",
}

func (j *judge) jobConcurrency(_ *file, at place, job *actionlint.Job) {
	j.concurrency(at, job.Concurrency)
}

func (j *judge) concurrency(at place, c *actionlint.Concurrency) {
	if c == nil {
		return
	}
	at.line = c.Pos.Line
	group := ""
	if c.Group != nil {
		group = " " + show(c.Group.Value)
	}
	j.refuse(&ruleConcurrency, at, "the concurrency group%s is not kept against runs on GitHub: only the claim is, and nothing is cancelled for a newer run", group)
}

package home

import (
	"io/fs"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/redundancy-app/redundancy/config"
)

var ruleReusable = Rule{
	ID: "reusable", Refuses: "a called workflow of another repository, one that is not in the tree, or more than 10 in each other; a local one is judged by all rules",
	Why: "only what is in the commit is known",
}

// call judges the workflow that a job calls, and that job with it.
func (j *judge) call(f *file, at place, job *actionlint.Job) {
	c := job.WorkflowCall
	if c == nil || c.Uses == nil {
		return
	}
	at.line = c.Uses.Pos.Line
	j.inherit(at, job)
	name, local := strings.CutPrefix(c.Uses.Value, "./")
	full, err := config.WorkflowPath(name)
	switch {
	case !local || err != nil || full != name:
		j.refuse(&ruleReusable, at, "job %s calls %s, which is no workflow of this repository", jobName(job), show(c.Uses.Value))
		return
	case j.in.Tree == nil:
		j.lacks(&ruleReusable, at, "the workflow %s that job %s calls is not at hand", show(c.Uses.Value), jobName(job))
		return
	case f.depth >= maxDepth:
		j.refuse(&ruleReusable, at, "%s is called by more than %d others", show(c.Uses.Value), maxDepth)
		return
	case !j.another(&ruleReusable, at):
		return
	}
	j.callee(f, at, job, full)
}

func (j *judge) callee(f *file, at place, job *actionlint.Job, name string) {
	if !fs.ValidPath(name) {
		j.refuse(&ruleReusable, at, "%s is no path", show(name))
		return
	}
	data, err := readTree(j.in.Tree, name)
	if err != nil {
		j.refuse(&ruleReusable, at, "the workflow %s that job %s calls cannot be read", show(name), jobName(job))
		return
	}
	top := at
	top.file, top.line = name, 0
	g := j.workflow(top, data)
	if g == nil {
		return
	}
	if _, callable := g.w.FindWorkflowCallEvent(); !callable {
		j.refuse(&ruleReusable, at, "%s has no workflow_call", show(name))
		return
	}
	g.depth = f.depth + 1
	for _, s := range job.WorkflowCall.Secrets {
		g.secrets = append(g.secrets, s.Name.Value)
	}
	j.judge(g)
	f.called[keyOf(job)], _ = g.deadlines()
}

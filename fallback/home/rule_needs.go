package home

import (
	"strings"

	"github.com/rhysd/actionlint"
)

var ruleNeeds = Rule{
	ID: "needs", Refuses: "jobs that wait for each other, or for one that is not there", Why: "GitHub does not run such a workflow",
}

func (j *judge) needs(f *file) {
	state := map[string]bool{} // false while its jobs are looked at, true after
	for _, job := range f.jobs {
		j.waits(f, job, state)
	}
}

func (j *judge) waits(f *file, job *actionlint.Job, state map[string]bool) {
	state[keyOf(job)] = false
	for _, n := range job.Needs {
		key := strings.ToLower(n.Value)
		needed := f.w.Jobs[key]
		done, seen := state[key]
		at := f.of(job)
		at.line = n.Pos.Line
		switch {
		case needed == nil:
			j.refuse(&ruleNeeds, at, "job %s waits for %s, which is not there", jobName(job), show(n.Value))
		case !seen:
			j.waits(f, needed, state)
		case !done:
			j.refuse(&ruleNeeds, at, "job %s waits for %s, which waits for it", jobName(job), show(n.Value))
		}
	}
	state[keyOf(job)] = true
}

package home

import (
	"strings"
	"time"

	"github.com/rhysd/actionlint"
)

// deadlines are those of the single jobs, and of the longest chain of them. The
// rules about needs and timeouts have passed.
func (f *file) deadlines() (time.Duration, map[string]time.Duration) {
	jobs, ends, last := map[string]time.Duration{}, map[string]time.Duration{}, time.Duration(0)
	for _, job := range f.jobs {
		jobs[job.ID.Value] = f.limit(job)
		last = max(last, f.end(job, ends))
	}
	return last, jobs
}

// limit of one job; the cells of a matrix have it each.
func (f *file) limit(job *actionlint.Job) time.Duration {
	if job.WorkflowCall != nil {
		return f.called[keyOf(job)]
	}
	if t := job.TimeoutMinutes; t != nil {
		if d, ok := minutes(f.plain[*t.Pos]); ok {
			return d
		}
	}
	return defaultLimit
}

// end is when a job is over at the latest, from the start of the run.
func (f *file) end(job *actionlint.Job, known map[string]time.Duration) time.Duration {
	key := keyOf(job)
	if d, ok := known[key]; ok {
		return d
	}
	known[key] = 0 // of jobs that wait for each other; rule needs has refused them
	var begins time.Duration
	for _, n := range job.Needs {
		if needed := f.w.Jobs[strings.ToLower(n.Value)]; needed != nil {
			begins = max(begins, f.end(needed, known))
		}
	}
	known[key] = begins + f.limit(job)
	return known[key]
}

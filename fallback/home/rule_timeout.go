package home

import (
	"strconv"
	"time"

	"github.com/rhysd/actionlint"
)

var ruleTimeout = Rule{
	ID: "timeout", Refuses: "a `timeout-minutes` that is not written as a whole number from 1 to 7200",
	Why: "act takes a step's only as such and forgets it otherwise, and a job's not at all, which is why we keep that",
}

const (
	// maxMinutes is what GitHub gives a job on a runner of one's own.
	maxMinutes = 5 * 24 * 60
	// defaultLimit is GitHub's, of a job that gives none.
	defaultLimit = 360 * time.Minute
)

func (j *judge) jobTimeout(f *file, at place, job *actionlint.Job) {
	j.timeout(f, at, job.TimeoutMinutes, "job "+jobName(job))
}

func (j *judge) stepTimeout(f *file, at place, s *actionlint.Step) {
	j.timeout(f, at, s.TimeoutMinutes, "step "+strconv.Itoa(at.step)+" of job "+showName(at.job))
}

func (j *judge) timeout(f *file, at place, given *actionlint.Float, of string) {
	if given == nil {
		return
	}
	at.line = given.Pos.Line
	text := f.plain[*given.Pos]
	if given.Expression != nil {
		text = given.Expression.Value
	}
	if _, ok := minutes(text); !ok {
		j.refuse(&ruleTimeout, at, "the time limit %s of %s would not be kept there: it is no whole number from 1 to %d", show(text), of, maxMinutes)
	}
}

func minutes(text string) (time.Duration, bool) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * time.Minute, err == nil && n >= 1 && n <= maxMinutes
}

package home

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rhysd/actionlint"
)

// Ready says how much of a workflow could run at home.
type Ready string

// The answers. All but Yes mean that nothing of it may run.
const (
	Yes     Ready = "yes"
	Partial Ready = "partial" // some of its jobs could, had they been alone
	No      Ready = "no"
)

// MaxReasons of a verdict; the rest is counted. More are one mistake that repeats.
const MaxReasons = 100

// Verdict is the judgement of a workflow.
type Verdict struct {
	Ready Ready `json:"ready"`
	// Reasons against it; none with Yes. They are ordered by file, line and rule.
	Reasons []Reason `json:"reasons,omitempty"`
	// Notes tell what is treated otherwise than on GitHub, and is no obstacle.
	Notes []Reason `json:"notes,omitempty"`
	// Deadline is when the whole run must be over at the latest, from its start:
	// the longest chain of jobs that wait for one another. 0 when it is not Ready.
	Deadline time.Duration `json:"deadline,omitempty"`
	// Jobs are the deadlines of single jobs by their id, each from its job's start.
	Jobs map[string]time.Duration `json:"jobs,omitempty"`
}

// Reason is why something may not run.
type Reason struct {
	Rule string `json:"rule"` // an id of Rules, or "more": a count of others
	Job  string `json:"job,omitempty"`
	Step int    `json:"step,omitempty"` // counted from 1 in its job; 0 is none
	File string `json:"file"`
	Line int    `json:"line,omitempty"` // in File, counted from 1; 0 is the file as a whole
	// Message stands on its own. It holds names out of the file, quoted and cut.
	Message string `json:"message"`
	// Host says that another host, or this one's owner, could take it away.
	// Without it no host can run the workflow as it is written.
	Host bool `json:"host,omitempty"`
}

// Certain are the reasons that hold on whatever host.
func (v Verdict) Certain() []Reason {
	return slices.DeleteFunc(slices.Clone(v.Reasons), func(r Reason) bool { return r.Host })
}

// judge collects what is found.
type judge struct {
	in             *Input
	reasons, notes []Reason
	seen           map[Reason]bool
	more           int             // reasons beyond MaxReasons
	whole          bool            // there are reasons that concern no job in particular
	bad            map[string]bool // jobs with reasons, by their keys
	files          int             // that were read besides the workflow
	read           int             // bytes of all files
}

// place is where something stands. job and step are those of the workflow that
// was asked for, file and line can be in what it calls.
type place struct {
	file, key, job string // key is how other jobs name it
	step, line     int
}

// refuse is for what no host could run.
func (j *judge) refuse(r *Rule, at place, format string, args ...any) {
	j.add(r, at, false, format, args...)
}

// lacks is for what this host does not offer, or its owner has not allowed.
func (j *judge) lacks(r *Rule, at place, format string, args ...any) {
	j.add(r, at, true, format, args...)
}

func (j *judge) add(r *Rule, at place, host bool, format string, args ...any) {
	reason := Reason{Rule: r.ID, Job: at.job, Step: at.step, File: at.file, Line: at.line, Message: fmt.Sprintf(format, args...), Host: host}
	if r.Note {
		if len(j.notes) < MaxReasons {
			j.notes = append(j.notes, reason)
		}
		return
	}
	if at.job == "" {
		j.whole = true
	} else {
		if j.bad == nil {
			j.bad = map[string]bool{}
		}
		j.bad[at.key] = true
	}
	if j.seen[reason] {
		return
	}
	if len(j.reasons) == MaxReasons-1 { // the last one is for the count
		j.more++
		return
	}
	j.seen[reason] = true
	j.reasons = append(j.reasons, reason)
}

func (j *judge) verdict(f *file) Verdict {
	sortReasons(j.reasons)
	sortReasons(j.notes)
	if j.more > 0 {
		j.reasons = append(j.reasons, Reason{Rule: "more", File: j.in.Path, Message: fmt.Sprintf("%d more reasons are not listed", j.more)})
	}
	v := Verdict{Ready: No, Reasons: j.reasons, Notes: j.notes}
	switch {
	case f == nil:
	case len(j.reasons) == 0:
		v.Ready = Yes
		v.Deadline, v.Jobs = f.deadlines()
	case !j.whole && slices.ContainsFunc(f.jobs, func(job *actionlint.Job) bool { return j.could(f, job, map[string]bool{}) }):
		v.Ready = Partial
	}
	return v
}

// could says whether a job, and all that it waits for, has no reason against it.
func (j *judge) could(f *file, job *actionlint.Job, seen map[string]bool) bool {
	if j.bad[keyOf(job)] {
		return false
	}
	for _, n := range job.Needs {
		key := strings.ToLower(n.Value)
		if seen[key] {
			continue // it was looked at; had it been bad, this would be over
		}
		seen[key] = true
		if needed := f.w.Jobs[key]; needed == nil || !j.could(f, needed, seen) {
			return false
		}
	}
	return true
}

func sortReasons(list []Reason) {
	slices.SortStableFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
}

// maxShown is how much of a text out of a file a message repeats, in characters.
const maxShown = 100

// show quotes text out of a file.
func show(s string) string {
	if len(s) > maxShown && utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s[:min(len(s), 4*maxShown)])[:maxShown-1]) + "…"
	}
	return strconv.Quote(strings.Clone(s))
}

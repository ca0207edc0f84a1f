package stall

import (
	"time"

	"github.com/google/go-github/v62/github"
)

// Sight is what GitHub shows of an attempt at a moment.
type Sight struct {
	Status string    // of the run
	Since  time.Time // when it began to wait for a runner and for nothing else
	Jobs   int       // of the attempt, whatever has become of them
	Steps  int       // that have begun
	Began  time.Time // the first of them; zero: none
	Moved  time.Time // the last change of one; zero: none
	// Unseen is since when GitHub has not shown the jobs; zero: it shows them.
	Unseen time.Time
	// Alone says of a run that waits for its concurrency group that no other run
	// is there which could hold it, and Front that there is one. Neither when
	// that was not asked; see [Sight.Doubtful].
	Alone, Front bool
	// Job and Step are what it is busy with, other people's text; "" when nothing.
	Job, Step string
}

// See reads the jobs of an attempt that was asked for at a moment. The re-run
// of some jobs lists the others as well, with the steps and times of the
// attempt that they ran in; those are not this one's.
func See(status string, since time.Time, asked time.Time, jobs []*github.WorkflowJob) Sight {
	s := Sight{Status: status, Since: since, Jobs: len(jobs)}
	for _, j := range jobs {
		if j == nil {
			continue
		}
		for _, st := range j.Steps {
			s.step(j, st, asked)
		}
	}
	return s
}

func (s *Sight) step(j *github.WorkflowJob, st *github.TaskStep, asked time.Time) {
	if st == nil || st.GetStatus() != "in_progress" && st.GetStatus() != "completed" || st.GetConclusion() == "skipped" {
		return
	}
	began, ended := st.GetStartedAt().Time, st.GetCompletedAt().Time
	if began.IsZero() {
		began = j.GetStartedAt().Time
	}
	if began.Before(asked) {
		return
	}
	s.Steps++
	if s.Began.IsZero() || began.Before(s.Began) {
		s.Began = began
	}
	for _, at := range []time.Time{began, ended} {
		if at.After(s.Moved) {
			s.Moved = at
		}
	}
	if s.Step == "" && st.GetStatus() == "in_progress" {
		s.Job, s.Step = j.GetName(), st.GetName()
	}
}

// Lengths are those of the steps of finished jobs, for [History].
func Lengths(jobs []*github.WorkflowJob) []time.Duration {
	var all []time.Duration
	for _, j := range jobs {
		if j == nil {
			continue
		}
		for _, st := range j.Steps {
			if began, ended := st.GetStartedAt().Time, st.GetCompletedAt().Time; st.GetConclusion() == "success" && !began.IsZero() && !ended.Before(began) {
				all = append(all, ended.Sub(began))
			}
		}
	}
	return all
}

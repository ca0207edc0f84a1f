package risk

import "time"

// Run is a conclusive run: one that succeeded or failed. Cancelled, skipped,
// neutral and action_required ones say nothing about the workflow and have no
// place here. It is a first attempt: what a re-run does is another question, but
// that there was one says that the first had failed.
type Run struct {
	ID       int64
	URL      string
	Workflow string // repository and path, so that runs of several can be pooled
	Start    time.Time
	Begin    time.Time // when a runner took it; zero unknown
	End      time.Time // when the outcome became known; not before Start
	Failed   bool
}

// duration without the queue when that is known; 0 unknown.
func (r Run) duration() time.Duration {
	from := r.Start
	if !r.Begin.IsZero() {
		from = r.Begin
	}
	return r.End.Sub(from)
}

// Outcome says whether a conclusion of GitHub's is a failure, and whether it is
// conclusive at all.
func Outcome(conclusion string) (failed, conclusive bool) {
	switch conclusion {
	case "success":
		return false, true
	case "failure", "timed_out", "startup_failure":
		return true, true
	}
	return false, false
}

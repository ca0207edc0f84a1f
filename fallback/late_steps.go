package fallback

import (
	"context"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/store"
)

// stepsBegan says whether any step of a run has begun, in whichever attempt:
// the first may have done the work before somebody started the next. shown is
// false when GitHub's answer tells neither.
func (e *Engine) stepsBegan(ctx context.Context, sc *scope, r store.WorkflowRun) (began, shown bool, err error) {
	if r.Conclusion == "success" { // nothing succeeds without a step
		return true, true, nil
	}
	list, err := jobsOfAll(ctx, sc.client, sc.repo, r.RunID)
	if jobsNotShown(err) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	for _, j := range list {
		if anyBegan(j) {
			return true, true, nil
		}
	}
	return false, len(list) > 0 || e.endedWithoutJobs(r), nil
}

func anyBegan(j *github.WorkflowJob) bool {
	for _, s := range j.Steps {
		if s.GetStatus() == "in_progress" || s.GetConclusion() != "" && s.GetConclusion() != "skipped" {
			return true
		}
	}
	return false
}

// endedWithoutJobs says that an empty list of jobs is to be believed: the run
// has ended for a while, is not known to have begun, and its conclusion does
// not need a job.
func (e *Engine) endedWithoutJobs(r store.WorkflowRun) bool {
	return r.Completed() && r.Attempt == 1 && r.BeganAt == 0 && r.Conclusion != "failure" && r.Conclusion != "timed_out" &&
		e.Clock.Since(r.UpdatedAt.Time()) >= e.scaled(secondLook)
}

package fallback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// GitHub's words for the two ways of running a run again.
const (
	rerunFailed = "rerun-failed-jobs" // and those that depend on them
	rerunAll    = "rerun"
)

// errNoJobs is an empty list of jobs that is not believed yet.
var errNoJobs = errors.New("GitHub lists no job of the run; looking again before it is believed")

// again says how the run is run again without repeating a job that has done
// its work; what is "" and why the reason when there is no such way.
//
// The failed jobs are safe to ask for whatever is known of them: GitHub knows
// them, and refuses when there are none. The whole run is run again only when
// GitHub shows afresh that no job of it has begun, in whichever attempt: one
// that did not start has no jobs, but the one before it may have had some that
// succeeded.
func (rerunStep) again(ctx context.Context, e *Engine, sc *scope) (what, why string, err error) {
	list, err := jobsOfAll(ctx, sc.client, sc.repo, sc.inc.RunID)
	if _, limited := githubapi.LimitedUntil(err); err != nil && (limited || githubapi.Outcome(err) != githubapi.Refused && !jobsNotShown(err)) {
		return "", "", err
	}
	shown := err == nil
	unstarted := sc.inc.Conclusion == startupFailure
	harmless := sc.flow.Effect == config.Idempotent
	untouched := len(list) > 0 && !slices.ContainsFunc(list, touched)
	if shown && len(list) == 0 {
		if untouched, err = e.neverHadJobs(ctx, sc); err != nil {
			return "", "", err
		}
	}
	switch {
	case untouched, harmless && (unstarted || len(list) == 0):
		return rerunAll, "", nil
	case !unstarted:
		return rerunFailed, "", nil
	}
	reason := fmt.Sprintf("attempt %d did not start, so that none of its jobs has failed, and the whole run is not run again: ", sc.inc.RunAttempt)
	if i := slices.IndexFunc(list, touched); i >= 0 {
		return "", reason + fmt.Sprintf("its job “%s” has run in attempt %d", name(list[i].GetName()), max(list[i].GetRunAttempt(), 1)), nil
	}
	return "", reason + "GitHub does not show whether one of its jobs has run before", nil
}

// touched says that a job has begun, or is not known not to have.
func touched(j *github.WorkflowJob) bool {
	return j.GetStatus() != "completed" || j.GetConclusion() == "success" || j.GetConclusion() == "neutral" || anyBegan(j)
}

// neverHadJobs says whether the record bears out an empty list of jobs: all
// attempts are on it, and each has ended without having been seen to begin, in
// a way that does not need a job. The error is a snooze when the newest has
// ended only now.
func (e *Engine) neverHadJobs(ctx context.Context, sc *scope) (bool, error) {
	attempts, err := store.Attempts(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
	if err != nil || len(attempts) != sc.inc.RunAttempt {
		return false, err
	}
	var believed time.Time
	for _, r := range attempts {
		switch {
		case !r.Completed() || r.BeganAt != 0:
			return false, nil
		case r.Conclusion == startupFailure:
		case r.Conclusion == "success" || r.Conclusion == "failure" || r.Conclusion == "timed_out":
			return false, nil
		default:
			believed = maxTime(believed, r.UpdatedAt.Time().Add(e.scaled(secondLook)))
		}
	}
	if e.Clock.Now().Before(believed) {
		return false, queue.Snooze(believed, errNoJobs)
	}
	return true, nil
}

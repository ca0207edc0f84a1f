package fallback

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/failure"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// causeUnknown is the cause when GitHub does not show the jobs.
const causeUnknown = "unknown"

// How far back the history is looked at for a workflow that ends both ways.
const (
	flakyWithin  = 90 * 24 * time.Hour
	flakyCommits = 200
)

// classify finds out what failed, how it announced itself, and whether a
// repetition can help, once per attempt. It is written with the next transition.
func (e *Engine) classify(ctx context.Context, sc *scope) error {
	inc := sc.inc
	if inc.Cause != "" { // by this, or by who saw the run hang
		inc.Signature = signature(inc)
		return nil
	}
	inc.ErrorLine = ""
	if inc.RunID == 0 { // nothing of the repository's has run
		inc.Cause = string(config.Infrastructure)
		inc.Signature = signature(inc)
		return nil
	}
	list, err := jobs(ctx, sc)
	if err != nil {
		if _, limited := githubapi.LimitedUntil(err); limited || githubapi.Outcome(err) != githubapi.Refused && !jobsNotShown(err) {
			return err
		}
		// What cannot be read must not keep a recovery from starting.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("jobs of the failed run cannot be read")
		inc.Cause, inc.Signature = causeUnknown, signature(inc)
		return nil
	}
	job, step := whatFailed(list)
	if Signal(inc.Signal) == Stalled {
		job, step = whatHangs(list)
	}
	inc.FailedJob, inc.FailedStep = name(job.GetName()), name(step.GetName())
	report, err := e.failureLog(ctx, sc, job, step)
	if err != nil {
		return err
	}
	flaky, err := e.flaky(ctx, inc)
	if err != nil {
		return err
	}
	inc.ErrorLine = report.Line
	inc.Cause = string(causeOf(inc, list, report.Symptom != nil, flaky))
	inc.Signature = signature(inc)
	return nil
}

// name bounds and cleans names of jobs and steps, which are the repository's text.
func name(s string) string { return clip(failure.Clean([]byte(s)), maxName) }

// maxName bounds names of jobs and steps.
const maxName = 200

// signature makes equal failures of a workflow recognisable. A run that hangs
// has no conclusion of its own.
func signature(inc *store.Incident) string {
	conclusion := inc.Conclusion
	if s := Signal(inc.Signal); s != Failed {
		conclusion = string(s)
	}
	return failure.Facts{
		Workflow: inc.WorkflowPath, Job: inc.FailedJob, Step: inc.FailedStep, Conclusion: conclusion, Line: inc.ErrorLine,
	}.Signature()
}

// flaky says whether the same commit has ended well before, or the workflow
// has a record of ending both ways without a change.
func (e *Engine) flaky(ctx context.Context, inc *store.Incident) (bool, error) {
	twice, err := e.Store.OtherConclusion(ctx, inc)
	if err != nil || twice {
		return twice, err
	}
	since := store.MillisOf(e.Clock.Now().Add(-flakyWithin))
	both, commits, err := store.CommitEnds(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath, inc.HeadBranch, since, flakyCommits)
	return err == nil && failure.Flakiness(both, commits) >= failure.FlakyFrom, err
}

// causeOf: infrastructure when the run hangs, did not start, ran into its
// limit, no failed job got to the user's own steps, or its log speaks of the
// network, a rate limit or a lost runner; flaky as history says; code otherwise.
func causeOf(inc *store.Incident, list []*github.WorkflowJob, symptom, flaky bool) config.RerunCause {
	if inc.Conclusion == "startup_failure" || inc.Conclusion == "timed_out" || Signal(inc.Signal) == Stalled {
		return config.Infrastructure
	}
	broken := slices.DeleteFunc(slices.Clone(list), func(j *github.WorkflowJob) bool { return !runs.Failed(j.GetConclusion()) })
	executed := slices.ContainsFunc(broken, func(j *github.WorkflowJob) bool { return ranUserStep(j) })
	switch {
	case len(broken) > 0 && !executed, symptom:
		return config.Infrastructure
	case flaky:
		return config.Flaky
	}
	return config.Code
}

// whatFailed is the first failed job that has a failed step, with the first of
// these; else the first failed job. Both may be nil.
func whatFailed(list []*github.WorkflowJob) (job *github.WorkflowJob, step *github.TaskStep) {
	for _, j := range list {
		if !runs.Failed(j.GetConclusion()) {
			continue
		}
		for _, s := range j.Steps {
			if runs.Failed(s.GetConclusion()) {
				return j, s
			}
		}
		if job == nil {
			job = j
		}
	}
	return job, nil
}

// whatHangs is the first job that did not come to a good end, and the first
// step of it that did not. Both may be nil.
func whatHangs(list []*github.WorkflowJob) (*github.WorkflowJob, *github.TaskStep) {
	good := func(conclusion string) bool {
		return conclusion == "success" || conclusion == "skipped" || conclusion == "neutral"
	}
	for _, j := range list {
		if good(j.GetConclusion()) {
			continue
		}
		for _, s := range j.Steps {
			if !good(s.GetConclusion()) {
				return j, s
			}
		}
		return j, nil
	}
	return nil, nil
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

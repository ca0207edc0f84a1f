package fallback

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// causeUnknown is the cause when GitHub does not show the jobs.
const causeUnknown = "unknown"

// classify finds out what failed and whether a repetition can help, once per
// attempt. It is written with the next transition.
func (e *Engine) classify(ctx context.Context, sc *scope) error {
	if sc.inc.Cause != "" {
		return nil
	}
	list, err := jobs(ctx, sc)
	if err != nil {
		if _, limited := githubapi.LimitedUntil(err); limited || githubapi.Outcome(err) != githubapi.Refused {
			return err
		}
		// What cannot be read must not keep a recovery from starting.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("jobs of the failed run cannot be read")
		sc.inc.Cause = causeUnknown
		return nil
	}
	flaky, err := e.Store.OtherConclusion(ctx, sc.inc)
	if err != nil {
		return err
	}
	sc.inc.FailedJob, sc.inc.FailedStep = whatFailed(list)
	sc.inc.Cause = string(causeOf(sc.inc, list, flaky))
	return nil
}

// causeOf: infrastructure when the run did not start, ran into its limit, or
// no failed job got to the user's own steps; flaky when the same commit has
// ended well before; code otherwise.
func causeOf(inc *store.Incident, list []*github.WorkflowJob, flaky bool) config.RerunCause {
	if inc.Conclusion == "startup_failure" || inc.Conclusion == "timed_out" {
		return config.Infrastructure
	}
	broken := slices.DeleteFunc(slices.Clone(list), func(j *github.WorkflowJob) bool { return !failed(j.GetConclusion()) })
	executed := slices.ContainsFunc(broken, func(j *github.WorkflowJob) bool { return ranUserStep(j) })
	switch {
	case len(broken) > 0 && !executed:
		return config.Infrastructure
	case flaky:
		return config.Flaky
	}
	return config.Code
}

// runnerSteps are the steps that GitHub adds around the user's.
var runnerSteps = []string{"Set up job", "Set up runner", "Initialize containers", "Stop containers", "Complete job", "Complete runner"}

// ranUserStep says whether a step of the workflow itself was executed.
func ranUserStep(j *github.WorkflowJob) bool {
	return slices.ContainsFunc(j.Steps, func(s *github.TaskStep) bool {
		ran := s.GetConclusion() == "success" || failed(s.GetConclusion())
		return ran && !slices.Contains(runnerSteps, s.GetName()) &&
			!strings.HasPrefix(s.GetName(), "Pull ") && !strings.HasPrefix(s.GetName(), "Build container for ")
	})
}

// maxName bounds names of jobs and steps, which are the repository's text.
const maxName = 200

// whatFailed is the first failed job and its first failed step.
func whatFailed(list []*github.WorkflowJob) (job, step string) {
	for _, j := range list {
		if !failed(j.GetConclusion()) {
			continue
		}
		for _, s := range j.Steps {
			if failed(s.GetConclusion()) {
				return clip(j.GetName(), maxName), clip(s.GetName(), maxName)
			}
		}
		if job == "" {
			job = clip(j.GetName(), maxName)
		}
	}
	return job, ""
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

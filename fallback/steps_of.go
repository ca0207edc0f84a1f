package fallback

import (
	"regexp"
	"slices"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
)

// firstStep is what the runner puts before everything else.
const firstStep = "Set up job"

// The steps that GitHub adds around the user's, whose names a user's step can
// bear as well: only where they stand are they the runner's own.
var (
	stepsBefore = []string{firstStep, "Set up runner", "Initialize containers"}
	stepsAfter  = []string{"Stop containers", "Complete job", "Complete runner"}
	runnerSteps = slices.Concat(stepsBefore, stepsAfter)
)

// imageStep is how the runner calls the steps that bring the images of Docker
// actions: "Pull alpine:3.20", "Build acme/action@v1" (ActionManager.cs of
// actions/runner). A reference without registry, tag and digest could be a word
// of a user's: "Pull orders".
var imageStep = regexp.MustCompile(`^(?:Pull [a-z0-9._/-]+(?:(?::[\w.-]+)(?:/[a-z0-9._/-]+)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})` +
	`|Pull [a-z0-9-]+\.[a-z0-9.-]+/[a-z0-9._/-]+|Build [\w.-]+(?:/[\w.-]+)+@[\w./-]+)$`)

// userSteps are the steps of a job without those that the runner puts before
// and behind them. What is not known for the runner's is the user's.
func userSteps(steps []*github.TaskStep) []*github.TaskStep {
	if len(steps) > 0 && steps[0].GetName() == firstStep {
		steps = steps[1:]
		for len(steps) > 0 && (slices.Contains(stepsBefore[1:], steps[0].GetName()) || imageStep.MatchString(steps[0].GetName())) {
			steps = steps[1:]
		}
	}
	for n := len(steps); n > 0 && slices.Contains(stepsAfter, steps[n-1].GetName()); n-- {
		steps = steps[:n-1]
	}
	return steps
}

// ranUserStep says whether a step of the workflow itself was executed.
func ranUserStep(j *github.WorkflowJob) bool {
	return slices.ContainsFunc(userSteps(j.Steps), func(s *github.TaskStep) bool {
		return s.GetConclusion() == "success" || runs.Failed(s.GetConclusion())
	})
}

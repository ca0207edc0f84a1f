package failure

// The prior of [Flakiness]: one commit in a hundred, worth twenty observations.
const priorFlaky, priorSteady = 0.2, 19.8

// FlakyFrom is the flakiness from which a failure is called flaky.
const FlakyFrom = 0.05

// Flakiness is the posterior mean of the share of commits on which a workflow
// ends both ways without a change, in (0, 1). commits is how many have an end
// at all, both on how many of them one run or attempt failed and another
// succeeded. The prior keeps a workflow that has hardly run from being called
// flaky for one coincidence.
func Flakiness(both, commits int) float64 {
	commits = max(commits, both, 0)
	return (priorFlaky + float64(max(both, 0))) / (priorFlaky + priorSteady + float64(commits))
}

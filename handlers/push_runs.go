package handlers

import (
	"regexp"
	"strings"
)

// tokenLogin is who pushes with a workflow's GITHUB_TOKEN. Such a push starts
// no run (GitHub, "Triggering a workflow from a workflow").
const tokenLogin = "github-actions[bot]" //nolint:gosec // a name

// skips are the texts in a commit's message that keep a push from starting
// runs; skipTrailer is the trailer that does the same (GitHub, "Skipping
// workflow runs").
var (
	skips       = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"}
	skipTrailer = regexp.MustCompile(`(?im)^skip-checks:\s*true\s*$`)
)

// startsRuns says whether a push starts the workflows that listen to it, as
// far as its event tells. What is not certain is not expected: a branch that
// is new can be part of a repository that is just being made.
func (e *pushEvent) startsRuns() bool {
	if e.Created || strings.EqualFold(e.Sender.Login, tokenLogin) || strings.EqualFold(e.Pusher.Name, tokenLogin) || skipsRuns(e.HeadCommit.Message) {
		return false
	}
	for _, c := range e.Commits {
		if skipsRuns(c.Message) {
			return false
		}
	}
	return true
}

func skipsRuns(message string) bool {
	lower := strings.ToLower(message)
	for _, s := range skips {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return skipTrailer.MatchString(message)
}

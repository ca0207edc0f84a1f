package home

import "strings"

var ruleFork = Rule{
	ID: "fork", Refuses: "a run of a fork, or of `pull_request` and all events whose names begin with it",
	Why: "whoever opens a pull request would run code on the host",
}

const pullRequest = "pull_request"

func (j *judge) fork(at place) {
	if strings.HasPrefix(j.in.Run.Event, pullRequest) {
		j.refuse(&ruleFork, at, "runs of %s never run at home", show(j.in.Run.Event))
	}
	if !j.in.Run.SameRepository {
		j.refuse(&ruleFork, at, "the commit is not known to be of the repository itself: runs of forks never run at home")
	}
}

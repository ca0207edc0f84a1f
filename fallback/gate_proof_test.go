package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// The file of a run's own commit is the proof, and not that of a later one.
func TestTheGuardProvesNothingOfRunsThatWereThereBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		before bool // the guard was there when the run began; it is what the later commit changes
		want   State
	}{"added later": {false, InDoubt}, "taken out later": {true, Verifying}} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			files := []map[string]string{workflows, guardedFile}
			if tc.before {
				files[0], files[1] = files[1], files[0]
			}
			b.push(files[0])
			b.enrol(files[0])
			x := b.queued("push")
			x.DropJobs()
			x.SetCancel(githubtest.Refused, githubtest.Refused)
			b.pass(3 * time.Minute)
			b.push(files[1])
			b.enrol(files[1])
			b.pass(25 * time.Minute)
			b.want(tc.want)
			if n := len(b.dispatched()); n != map[State]int{InDoubt: 0, Verifying: 1}[tc.want] {
				t.Errorf("%d dispatches", n)
			}
		})
	}
}

// The run that a push has still to start has the file of the push's commit.
func TestTheGuardOfAPushIsThatOfItsCommit(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Recover: []config.Step{dispatch}})
	b.pushMain("feature")
	_, jobs, _ := strings.Cut(guardedFile[primaryPath], "\n")
	b.push(map[string]string{primaryPath: "on: {push: {}, schedule: [{cron: '0 6 * * *'}]}\n" + jobs})
	b.enrol(map[string]string{primaryPath: "on: {push: {}, schedule: [{cron: '0 6 * * *'}]}\n" + jobs})
	b.pass(40 * time.Minute)
	b.want(InDoubt)
	if n := len(b.dispatched()); n != 0 {
		t.Errorf("%d dispatches", n)
	}
}

package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/upstream"
)

// broken lets the three workflows of a repository fail to start.
func (f *fleet) broken() {
	f.Helper()
	for _, path := range []string{primaryPath, secondPath, thirdPath} {
		f.fail(f.repos[0], path, startupFailure)
	}
}

// The broken workflow files of one repository are its own trouble, however
// often they fail and however quiet the others are.
func TestOneRepositoryIsNoOutage(t *testing.T) {
	f := newFleet(t, 4, config.Workflow{Recover: []config.Step{rerun}})
	f.start(f.repos[1], primaryPath)
	f.turn(20 * time.Minute) // the others are not active any more
	for range 4 {
		f.broken()
		f.pass(61 * time.Second)
	}
	if list := f.upstreams(); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	f.fail(f.repos[2], primaryPath, "failure")
	f.wantState(f.of(f.repos[2], primaryPath), Verifying)
}

// On a server with one repository its workflows are all that there is to go by.
func TestTheOnlyRepositoryIsEnough(t *testing.T) {
	f := newFleet(t, 1, config.Workflow{Recover: []config.Step{rerun}})
	f.broken()
	if list := f.upstreams(); len(list) != 1 || list[0].Dependency != upstream.Actions {
		t.Errorf("%+v", list)
	}
}

// Nor does one repository keep up an outage that is over for the others: its
// runs fail on, before and in between those that begin.
func TestOneRepositoryDoesNotProlongAnOutage(t *testing.T) {
	f := newFleet(t, 5, config.Workflow{Recover: []config.Step{rerun}})
	up := f.down()
	f.share = 0
	f.start(f.repos[1], primaryPath)
	held := f.fail(f.repos[2], primaryPath, "failure")
	f.wantState(f.of(f.repos[2], primaryPath), Suppressed)
	for range 12 { // an hour, with crons of every five minutes
		f.broken()
		f.pass(2 * time.Minute)
		for _, x := range f.repos[0].Runs() {
			if x.Status() != "completed" { // a re-run of ours
				f.end(x, startupFailure)
				f.tell(f.repos[0], x)
			}
		}
		f.pass(3 * time.Minute)
		for i, r := range f.repos[1:] {
			for _, x := range r.Runs() {
				if x.Status() != "completed" {
					f.end(x, "success")
					f.tell(f.repos[i+1], x)
				}
			}
		}
	}
	inc := f.of(f.repos[2], primaryPath)
	f.wantState(inc, Recovered)
	if held.Attempt() != 2 {
		t.Errorf("the run is at attempt %d", held.Attempt())
	}
	f.wantState(f.incident(up.ID), Healthy)
}

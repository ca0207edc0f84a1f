package fallback

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/githubapi/statuspage"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// down makes GitHub Actions look down: three workflows of the first repository
// and one of the last do not begin. It returns their incidents' upstream incident.
func (f *fleet) down() Incident {
	f.Helper()
	f.share = 1
	if n := len(f.repos); n > 1 {
		f.start(f.repos[n-1], thirdPath)
	}
	for _, path := range []string{primaryPath, secondPath, thirdPath} {
		f.start(f.repos[0], path)
	}
	f.turn(time.Second)
	list := f.upstreams()
	if len(list) != 1 || list[0].Dependency != upstream.Actions || list[0].Breaker != "open" {
		f.Fatalf("upstreams %+v", list)
	}
	return f.incident(list[0].Incident)
}

func (f *fleet) upstreams() []UpstreamStatus {
	f.Helper()
	list, err := f.engine.Upstreams(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return list
}

// of is the newest incident of a workflow of a repository.
func (f *fleet) of(r *githubtest.Repo, path string) Incident {
	f.Helper()
	list, err := f.engine.Incidents(f.ctx, Filter{RepoID: r.ID, Workflow: path, Limit: 1})
	if err != nil || len(list) != 1 {
		f.Fatal(list, err)
	}
	return f.incident(list[0].ID)
}

func TestTwoSilentWorkflowsAreNoOutage(t *testing.T) {
	f := newFleet(t, 4, config.Workflow{Recover: []config.Step{rerun}})
	f.share = 1
	f.start(f.repos[0], primaryPath)
	f.start(f.repos[1], primaryPath)
	f.turn(time.Second)
	if list := f.upstreams(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// Three silent workflows among many that begin are their own trouble.
func TestThreeOfManyAreNoOutage(t *testing.T) {
	for name, c := range map[string]struct{ well, upstreams int }{"3 of 9": {6, 1}, "3 of 11": {8, 0}} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 11, config.Workflow{Recover: []config.Step{rerun}})
			for i := range c.well {
				f.start(f.repos[i], primaryPath)
			}
			f.turn(time.Second)
			f.share = 1
			for i := range 3 {
				f.start(f.repos[10-i], thirdPath)
			}
			f.turn(time.Second)
			if list := f.upstreams(); len(list) != c.upstreams {
				t.Errorf("%d upstream incidents, want %d: %+v", len(list), c.upstreams, list)
			}
		})
	}
}

// Ticks that no run answers are silence, too.
func TestManyMissedTicksAreOneIncident(t *testing.T) {
	f := newFleet(t, 3, config.Workflow{Recover: []config.Step{rerun, dispatch}, Effect: config.Idempotent})
	tick := f.clock.Now().Add(-20 * time.Minute)
	for _, r := range f.repos {
		err := f.store.Update(f.ctx, func(ctx context.Context, tx *store.Tx) error {
			w := &store.Watch{RepoID: r.ID, WorkflowPath: primaryPath, InstallationID: f.at.InstallationID}
			_, err := f.engine.suspectTick(ctx, tx, f.address(r), w, schedule.Tick{At: tick, Cron: "0 6 * * *|UTC"}, f.configs.c.Workflows[0])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.work()
	list, err := f.engine.Incidents(f.ctx, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Signal != Upstream {
		t.Fatalf("%+v", list)
	}
	for _, r := range f.repos {
		inc := f.of(r, primaryPath)
		f.wantState(inc, Suppressed)
		if inc.HeldBy != gateUpstream || inc.Upstream != list[0].ID {
			t.Errorf("held by %q, part of %d", inc.HeldBy, inc.Upstream)
		}
	}
	if n := f.effects(); len(n) != 0 {
		t.Errorf("effects %v", n)
	}
}

func TestHostStepsGoOnInAnOutage(t *testing.T) {
	f := newFleet(t, 2, config.Workflow{Recover: []config.Step{rerun, dispatch, local}, Effect: config.Idempotent})
	f.down()
	before := f.effects()
	f.start(f.repos[1], primaryPath)
	f.turn(time.Second)
	inc := f.of(f.repos[1], primaryPath)
	f.wantState(inc, Recovered)
	if d := cmp.Diff([]string{"rerun skipped", "dispatch skipped", "run succeeded"}, steps(inc)); d != "" {
		t.Error(d)
	}
	if !strings.Contains(inc.Steps[0].Reason, "GitHub Actions is not working; going on with run git-sync") {
		t.Errorf("reason %q", inc.Steps[0].Reason)
	}
	if after := f.effects(); after[kindRerun] != before[kindRerun] || after[kindDispatch] != 0 {
		t.Errorf("effects %v, before %v", after, before)
	}
}

// A person decides over an outage, too.
func TestAPersonPassesInAnOutage(t *testing.T) {
	f := newFleet(t, 2, config.Workflow{Recover: []config.Step{rerun}})
	f.down()
	f.start(f.repos[1], primaryPath)
	f.turn(time.Second)
	inc := f.of(f.repos[1], primaryPath)
	f.wantState(inc, Suppressed)
	before := f.effects()[kindRerun]
	a, err := f.engine.Recover(f.ctx, queue.Recover{Repo: f.address(f.repos[1]), IncidentID: inc.ID, Actor: "octocat"})
	if err != nil || !a.Accepted {
		t.Fatal(a, err)
	}
	f.work()
	if n := f.effects()[kindRerun]; n != before+1 {
		t.Errorf("%d re-runs, want %d", n, before+1)
	}
}

// Nobody can ask for the recovery of GitHub.
func TestAnUpstreamIncidentIsNotRecovered(t *testing.T) {
	f := newFleet(t, 1, config.Workflow{Recover: []config.Step{rerun}})
	up := f.down()
	a, err := f.engine.Recover(f.ctx, queue.Recover{Repo: queue.Repo{}, IncidentID: up.ID, Actor: "octocat"})
	if err != nil || a.Accepted {
		t.Fatal(a, err)
	}
}

// Runs that begin by themselves end an outage before its pause is over.
func TestNaturalRunsEndAnOutage(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	up := f.down()
	f.pass(2 * time.Minute) // the probe was started and waits
	f.turn(time.Second)     // it fails; two minutes' pause
	f.share = 0
	f.turn(5 * time.Second)
	for i := range 5 {
		f.start(f.repos[i+1], primaryPath)
		f.turn(2 * time.Second)
	}
	f.wantState(f.incident(up.ID), Healthy)
	f.pass(2 * time.Minute)
	f.turn(time.Minute)
	f.turn(time.Minute)
	for _, path := range []string{primaryPath, secondPath, thirdPath} {
		f.wantState(f.of(f.repos[0], path), Recovered)
	}
	if list := f.upstreams(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// What was given up because nothing could begin gets another round; the same
// trouble coming back soon is the same incident.
func TestGivenUpBeforeTheOutageWasKnown(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	f.share = 1
	f.start(f.repos[1], primaryPath)
	f.turn(time.Second)
	f.turn(time.Second) // its re-run does not begin either
	given := f.of(f.repos[1], primaryPath)
	f.wantState(given, Exhausted)
	up := f.down()
	if inc := f.incident(given.ID); inc.Upstream != up.ID {
		t.Errorf("it is part of %d, not of %d", inc.Upstream, up.ID)
	}
	f.share = 0
	for i := range 6 {
		f.start(f.repos[i+2], primaryPath)
		f.turn(2 * time.Second)
	}
	f.wantState(f.incident(up.ID), Healthy)
	for range 10 {
		f.turn(30 * time.Second)
	}
	f.wantState(f.incident(given.ID), Recovered)
	f.pass(10 * time.Minute)
	if again := f.down(); again.ID != up.ID {
		t.Errorf("incident %d, want %d again", again.ID, up.ID)
	}
}

// The status page is asked when our own observations have fired, and shown.
func TestStatusPageIsCorroboration(t *testing.T) {
	f := newFleet(t, 2, config.Workflow{Recover: []config.Step{rerun}})
	page := &page{said: statuspage.Summary{Indicator: "critical", Description: "Major outage"}}
	f.engine.StatusPage = page
	f.start(f.repos[1], primaryPath)
	f.turn(time.Hour)
	if page.asked != 0 || len(f.upstreams()) != 0 {
		t.Fatalf("asked %d times while all was well, upstreams %+v", page.asked, f.upstreams())
	}
	up := f.down()
	if page.asked != 1 {
		t.Errorf("asked %d times", page.asked)
	}
	list := f.upstreams()
	if list[0].Page == nil || list[0].Page.Indicator != "critical" || !strings.Contains(list[0].String(), "Major outage") {
		t.Errorf("%+v", list[0])
	}
	if last := up.Timeline[len(up.Timeline)-1]; last.Reason != "GitHub's status page says: Major outage" {
		t.Errorf("%+v", last)
	}
	page.err = errors.New("no route")
	f.pass(30 * time.Second)
	if page.asked != 1 {
		t.Errorf("asked %d times within five minutes", page.asked)
	}
}

type page struct {
	said  statuspage.Summary
	err   error
	asked int
}

func (p *page) Read(context.Context) (statuspage.Summary, error) {
	p.asked++
	return p.said, p.err
}

// A GitHub that gives no answers holds what would ask it, and lets it go on.
func TestAPIWithoutAnswers(t *testing.T) {
	f := newFleet(t, 2, config.Workflow{Recover: []config.Step{rerun}})
	for range 4 {
		f.engine.Answered(false)
	}
	if list := f.upstreams(); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	f.engine.Answered(false)
	list := f.upstreams()
	if len(list) != 1 || list[0].Dependency != upstream.API {
		t.Fatalf("%+v", list)
	}
	f.end(must(f.repos[1].StartRun(primaryPath, schedule.Event)), "failure")
	f.enqueue(queue.ObserveRun{Repo: f.address(f.repos[1]), RunID: f.repos[1].Runs()[0].ID}.Item())
	f.work()
	f.wantState(f.of(f.repos[1], primaryPath), Suppressed)
	f.restart() // it is not forgotten
	f.clock.Advance(time.Second)
	for range 5 {
		f.engine.Answered(true)
	}
	f.pass(time.Second)
	f.turn(time.Second)
	f.wantState(f.of(f.repos[1], primaryPath), Recovered)
	f.wantState(f.incident(list[0].Incident), Healthy)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

package fallback

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// fail is a run of the schedule that ends, and of which a webhook tells.
func (f *fleet) fail(r *githubtest.Repo, path, conclusion string, jobs ...githubtest.Job) *githubtest.Run {
	f.Helper()
	x := must(r.StartRun(path, schedule.Event))
	f.end(x, conclusion, jobs...)
	f.tell(r, x)
	return x
}

func (f *fleet) tell(r *githubtest.Repo, x *githubtest.Run) {
	f.Helper()
	f.enqueue(queue.ObserveRun{Repo: f.address(r), RunID: x.ID}.Item())
	f.work()
}

// up ends an outage: runs of other repositories begin.
func (f *fleet) up() {
	f.Helper()
	f.share = 0
	f.turn(5 * time.Second)
	for i := range 5 {
		f.start(f.repos[i+2], primaryPath)
		f.turn(2 * time.Second)
	}
	for range 10 {
		f.turn(30 * time.Second)
	}
}

// A re-run that began, worked and failed is not given another round when the
// outage ends: what it did could be done twice.
func TestWhatHasBegunGetsNoOtherRound(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	f.start(f.repos[1], primaryPath)
	up := f.down()
	inc := f.of(f.repos[1], primaryPath)
	f.wantState(inc, Suppressed)
	x := f.repos[1].Runs()[0]
	// A person does not wait, and the re-run begins although most do not.
	if a, err := f.engine.Recover(f.ctx, queue.Recover{Repo: f.address(f.repos[1]), IncidentID: inc.ID, Actor: "octocat"}); err != nil || !a.Accepted {
		t.Fatal(a, err)
	}
	f.work()
	if err := x.Step("build", "Publish"); err != nil {
		t.Fatal(err)
	}
	f.end(x, "failure", githubtest.Job{Name: "build", Conclusion: "failure", Steps: []githubtest.Step{
		{Name: "Set up job", Conclusion: "success"}, {Name: "Publish", Conclusion: "success"}, {Name: "Verify", Conclusion: "failure"},
	}})
	f.tell(f.repos[1], x)
	f.wantState(f.incident(inc.ID), Exhausted)
	f.up()
	f.wantState(f.incident(up.ID), Healthy)
	f.wantState(f.incident(inc.ID), Exhausted)
	if x.Attempt() != 2 {
		t.Errorf("the run is at attempt %d", x.Attempt())
	}
}

// One press of the button in an outage tries each rung once, and no more.
func TestOneRequestInAnOutageActsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		step config.Step
		kind string
	}{
		"re-run":   {config.Step{Rerun: &config.Rerun{Attempts: 3}}, kindRerun},
		"dispatch": {dispatch, kindDispatch},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 4, config.Workflow{Recover: []config.Step{c.step}})
			f.jitter = 30 * time.Second
			f.start(f.repos[1], primaryPath)
			f.down()
			inc := f.of(f.repos[1], primaryPath)
			f.wantState(inc, Suppressed)
			if a, err := f.engine.Recover(f.ctx, queue.Recover{Repo: f.address(f.repos[1]), IncidentID: inc.ID, Actor: "octocat"}); err != nil || !a.Accepted {
				t.Fatal(a, err)
			}
			f.work()
			for range 90 {
				f.turn(time.Minute)
			}
			inc = f.incident(inc.ID)
			if got := strings.Join(steps(inc), ", "); got != c.kind+" failed" {
				t.Errorf("after one request: %s; %s", got, inc.Reason)
			}
			f.wantState(inc, Exhausted)
		})
	}
}

// A person's request has a budget of its own: as many re-runs as an incident has.
func TestBudgetOfOneRequest(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 5}}}})
	b.fail("failure")
	b.rerunsFail(5)
	inc := b.want(Exhausted)
	if a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "octocat"}); err != nil || !a.Accepted {
		t.Fatal(a, err)
	}
	b.work()
	b.rerunsFail(8)
	inc = b.want(Exhausted)
	if got := strings.Join(steps(inc)[4:], ", "); got != "rerun failed, rerun failed, rerun failed, rerun skipped" {
		t.Errorf("the second round: %s", got)
	}
	if got := inc.Steps[7].Reason; got != "the budget of one request, 3 re-runs, is spent" {
		t.Errorf("reason %q", got)
	}
}

// What another gate held when the outage began, and let go in the middle of
// it, waits for the end of the outage like everything else.
func TestAnotherGateOpensInAnOutage(t *testing.T) {
	for name, hold := range map[string]func(f *fleet, r *githubtest.Repo) time.Duration{
		"pause": func(f *fleet, r *githubtest.Repo) time.Duration {
			f.pause(PauseRequest{Repo: f.address(r), For: 3 * time.Minute, Actor: "alice"})
			f.fail(r, primaryPath, "failure")
			return 3 * time.Minute
		},
		"cooldown": func(f *fleet, r *githubtest.Repo) time.Duration {
			f.fail(r, primaryPath, "failure")
			f.turn(time.Second)
			f.wantState(f.of(r, primaryPath), Recovered)
			f.fail(r, primaryPath, "failure")
			return 30 * time.Minute
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun, dispatch}})
			r := f.repos[1]
			left := hold(f, r)
			inc := f.of(r, primaryPath)
			f.wantState(inc, Suppressed)
			if inc.HeldBy != name {
				t.Fatalf("held by %q: %s", inc.HeldBy, inc.Reason)
			}
			f.pass(left - 30*time.Second)
			up := f.down()
			f.turn(50 * time.Second)
			inc = f.incident(inc.ID)
			f.wantState(inc, Suppressed)
			if inc.HeldBy != gateUpstream || inc.Upstream != up.ID || !strings.Contains(inc.Reason, "GitHub Actions is not working") {
				t.Errorf("held by %q, part of %d: %s", inc.HeldBy, inc.Upstream, inc.Reason)
			}
			f.up()
			f.wantState(f.incident(up.ID), Healthy)
			f.wantState(f.incident(inc.ID), Recovered)
		})
	}
}

// A second outage, of something else, begins while turns of the first one are
// still to come: who is held by it goes on at its end.
func TestSecondOutageDuringDrain(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	up := f.down()
	f.pass(2 * time.Minute)
	f.turn(time.Second)
	f.share = 0
	f.turn(5 * time.Second)
	for i := range 5 {
		f.start(f.repos[i+1], primaryPath)
		f.turn(2 * time.Second)
	}
	f.wantState(f.incident(up.ID), Healthy)
	for range 5 {
		f.engine.Answered(false)
	}
	f.turn(50 * time.Second)
	f.clock.Advance(time.Minute)
	for range 5 {
		f.engine.Answered(true)
	}
	for range 10 {
		f.turn(time.Minute)
	}
	for _, path := range []string{primaryPath, secondPath, thirdPath} {
		f.wantState(f.of(f.repos[0], path), Recovered)
	}
}

// Who waited for the end of an outage, and then for the budget, is told so.
func TestTheBudgetIsTheReasonAfterAnOutage(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	f.budgets = Budgets{Floor: 2}
	f.restart()
	up := f.down()
	f.up()
	f.wantState(f.incident(up.ID), Healthy)
	held := 0
	for _, inc := range must(f.engine.Incidents(f.ctx, Filter{All: true, Limit: 100})) {
		if inc.State != Suppressed {
			continue
		}
		held++
		if inc.HeldBy != budgetName || !strings.HasPrefix(inc.Reason, "the budget of this server, 2 recoveries a day at") {
			t.Errorf("incident %d is held by %q: %s", inc.ID, inc.HeldBy, inc.Reason)
		}
	}
	if held != 2 {
		t.Errorf("%d incidents are held, want 2 of 4", held)
	}
}

// With catchup none a miss is shown, and nothing is done about it: neither
// when runs of the workflow do not begin afterwards, nor when they do again.
func TestCatchupNoneAfterAnOutage(t *testing.T) {
	f := newFleet(t, 3, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupNone}})
	r := f.repos[0]
	tick := f.toTick("0 6 * * *")
	file := must(config.ReadWorkflow(primaryPath, []byte(workflows[primaryPath])))
	if err := f.store.Update(f.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: r.ID, InstallationID: f.at.InstallationID, Owner: "acme", Name: r.Name, DefaultBranch: "main", SeenAt: 1}})
		if err != nil {
			return err
		}
		return f.engine.Enrol(ctx, tx, f.address(r), f.configs.c, map[string]config.WorkflowFacts{primaryPath: file})
	}); err != nil {
		t.Fatal(err)
	}
	f.until(tick.Add(70 * time.Minute))
	inc := f.of(r, primaryPath)
	f.wantState(inc, Exhausted)
	f.share = 1
	if _, err := r.StartRun(primaryPath, "push"); err != nil { // of the same workflow, and silent
		t.Fatal(err)
	}
	f.start(f.repos[2], thirdPath)
	f.start(f.repos[2], primaryPath)
	f.start(f.repos[1], primaryPath)
	f.turn(time.Second)
	if list := f.upstreams(); len(list) != 1 || list[0].Breaker != "open" {
		t.Fatalf("upstream %+v", list)
	}
	if joined := must(store.Incidents(f.ctx, f.store.Read(), store.IncidentFilter{RepoID: r.ID, Top: true, States: []string{string(Exhausted)}})); len(joined) != 1 {
		t.Error("a miss of long before the outage is counted to it")
	}
	f.share = 0
	for range 40 {
		f.turn(20 * time.Second)
	}
	if inc = f.incident(inc.ID); len(inc.Steps) != 0 {
		t.Errorf("catchup is none, and it is %s with the steps %v", inc.State, steps(inc))
	}
}

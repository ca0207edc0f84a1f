package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
)

// rerunsFail lets each re-run of a run fail as it did before.
func (b *bench) rerunsFail(runs int) {
	b.Helper()
	for range runs {
		for _, x := range b.repo.Runs() {
			if x.Status() != "completed" {
				b.end(x, "failure")
				b.observe(x.ID)
			}
		}
		b.pass(time.Second)
	}
}

func TestBudgetOfAnIncident(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 5}}, local}})
	b.fail("failure")
	b.rerunsFail(8)
	inc := b.want(Recovered)
	if d := cmp.Diff([]string{"rerun failed", "rerun failed", "rerun failed", "rerun skipped", "run succeeded"}, steps(inc)); d != "" {
		t.Error(d)
	}
	if got := inc.Steps[3].Reason; got != "the budget of an incident, 3 re-runs, is spent" {
		t.Errorf("reason %q", got)
	}
}

// Six re-runs of a workflow a day; the seventh is passed over, and the eighth
// a day later is not.
func TestBudgetOfAWorkflow(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun, local}})
	b.budgets = Budgets{PerRepository: -1}
	b.restart()
	want := "rerun failed run succeeded"
	for i := range 8 {
		if i == 7 {
			b.pass(24*time.Hour - 30*time.Minute)
			want = "rerun failed run succeeded"
		}
		b.fail("failure")
		b.rerunsFail(1)
		inc := b.incident(must(b.engine.Incidents(b.ctx, Filter{Limit: 1}))[0].ID)
		if i == 6 {
			want = "rerun skipped run succeeded"
			if !strings.HasPrefix(inc.Steps[0].Reason, "the budget of a workflow, 6 re-runs a day, is spent until") {
				t.Errorf("reason %q", inc.Steps[0].Reason)
			}
		}
		if got := strings.Join(steps(inc), " "); got != want {
			t.Errorf("incident %d: %s, want %s", i+1, got, want)
		}
		b.pass(2 * time.Hour)
	}
}

// Ten recoveries of a repository at once, then one every six minutes. A person
// need not wait.
func TestBudgetOfARepository(t *testing.T) {
	f := newFleet(t, 1, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Idempotent})
	f.budgets = Budgets{PerRepository: 2}
	f.restart()
	began := f.clock.Now()
	for _, path := range []string{primaryPath, secondPath, thirdPath} {
		x := must(f.repos[0].StartRun(path, schedule.Event))
		f.end(x, "failure")
		f.enqueue(queue.ObserveRun{Repo: f.address(f.repos[0]), RunID: x.ID}.Item())
		f.work()
		f.turn(time.Second) // one dispatch of a workflow at a time
	}
	third := f.of(f.repos[0], thirdPath)
	f.wantState(third, Suppressed)
	if third.HeldBy != "budget" || third.NotBefore == nil || third.NotBefore.Sub(began) != 30*time.Minute {
		t.Errorf("held by %q until %v", third.HeldBy, third.NotBefore)
	}
	f.pass(29 * time.Minute)
	if n := f.effects()[kindDispatch]; n != 2 {
		t.Errorf("%d dispatches within half an hour", n)
	}
	f.pass(2 * time.Minute)
	f.turn(time.Second)
	f.wantState(f.of(f.repos[0], thirdPath), Recovered)

	x := must(f.repos[0].StartRun(secondPath, schedule.Event))
	f.end(x, "failure")
	f.enqueue(queue.ObserveRun{Repo: f.address(f.repos[0]), RunID: x.ID}.Item())
	f.work()
	held := f.of(f.repos[0], secondPath)
	f.wantState(held, Suppressed)
	if a, err := f.engine.Recover(f.ctx, queue.Recover{Repo: f.address(f.repos[0]), IncidentID: held.ID, Actor: "octocat"}); err != nil || !a.Accepted {
		t.Fatal(a, err)
	}
	f.work()
	f.turn(time.Second)
	f.wantState(f.incident(held.ID), Recovered)
}

// This server starts a tenth of what it sees at most, and its floor in any case.
func TestBudgetOfTheServer(t *testing.T) {
	f := newFleet(t, 6, config.Workflow{Recover: []config.Step{rerun}})
	f.budgets = Budgets{Floor: 2, Share: 0.5}
	f.restart()
	fail := func(i int) {
		t.Helper()
		x := must(f.repos[i].StartRun(primaryPath, schedule.Event))
		f.end(x, "failure")
		f.enqueue(queue.ObserveRun{Repo: f.address(f.repos[i]), RunID: x.ID}.Item())
		f.work()
		f.turn(time.Second)
	}
	for i := range 3 {
		fail(i)
	}
	held := f.of(f.repos[2], primaryPath)
	f.wantState(held, Suppressed)
	if held.HeldBy != "budget" || !strings.HasPrefix(held.Reason, "the budget of this server, 2 recoveries a day at 3 runs seen") {
		t.Errorf("held by %q: %s", held.HeldBy, held.Reason)
	}
	for i := range 3 { // more runs make more room
		f.start(f.repos[i+3], secondPath)
	}
	f.turn(6 * time.Minute)
	f.turn(time.Second)
	f.wantState(f.incident(held.ID), Recovered)
}

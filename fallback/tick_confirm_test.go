package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// every makes the watched workflow one of another schedule.
func every(cron string) map[string]string {
	return map[string]string{primaryPath: "on: {schedule: [{cron: '" + cron + "'}], workflow_dispatch: {}}\n" + plainJobs}
}

// newEveryBench is newTickBench with another schedule.
func newEveryBench(t *testing.T, flow config.Workflow, cron string) (*bench, time.Time) {
	t.Helper()
	b := newKnownBench(t, flow)
	tick := b.toTick(cron)
	b.enrol(every(cron))
	return b, tick
}

func (b *bench) ofState(states ...State) []Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{States: states})
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// A run that is late is late, and no failure. It has the tick's incident when
// it fails in the end.
func TestLateRun(t *testing.T) {
	for _, conclusion := range []string{"success", "failure"} {
		t.Run(conclusion, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.until(tick.Add(43 * time.Minute))
			b.want(Suspected)
			x := b.come()
			inc := b.want(Healthy)
			if inc.Reason != "late by 43m" || b.tickOutcome(tick) != store.TickLate || len(b.repo.CheckRuns(x.HeadSHA)) != 0 {
				t.Errorf("%q, tick %s, %d check runs", inc.Reason, b.tickOutcome(tick), len(b.repo.CheckRuns(x.HeadSHA)))
			}
			b.begin(x)
			b.pass(20 * time.Minute)
			b.want(Healthy)
			b.end(x, conclusion)
			b.observe(x.ID, x.ID)
			if conclusion == "success" {
				b.want(Healthy)
				return
			}
			inc = b.want(Verifying)
			if inc.Signal != Failed || inc.Run != x.ID || inc.Conclusion != "failure" || !inc.Tick.Equal(tick) {
				t.Errorf("%+v", inc)
			}
			b.fallbackWorked()
			b.want(Recovered)
		})
	}
}

// A run that fails before anybody has missed it has the tick's key as well.
func TestFailedRunOfATickHasItsKey(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.until(tick.Add(2 * time.Minute))
	x := b.fail("failure")
	inc := b.want(Verifying)
	row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID)
	if err != nil || row.OccurrenceKey != clock.TickKey(b.at.InstallationID, b.at.ID, primaryPath, "0 6 * * *|UTC", tick) || row.Signal != string(Failed) {
		t.Errorf("%v %+v", err, row)
	}
	b.pass(2 * time.Hour)
	if b.incidents() != 1 || inc.Run != x.ID {
		t.Errorf("%d incidents", b.incidents())
	}
}

// The run that comes while nothing was begun is waited for, and its end
// decides: without a proof that it cannot run, nothing is done in its place.
func TestRunComesWhileAPersonIsAsked(t *testing.T) {
	for conclusion, want := range map[string]State{"success": Superseded, "failure": Verifying, "cancelled": Superseded, "timed_out": Verifying} {
		t.Run(conclusion, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.until(tick.Add(90 * time.Minute))
			b.want(InDoubt)
			b.until(tick.Add(11 * time.Hour))
			b.want(InDoubt)
			x := b.come()
			b.begin(x)
			if inc := b.want(InDoubt); inc.Run != x.ID {
				t.Fatalf("the run is not attached: %+v", inc)
			}
			b.pass(20 * time.Minute)
			b.want(InDoubt)
			b.end(x, conclusion)
			b.observe(x.ID)
			inc := b.want(want)
			if n := len(b.dispatched()); want == Verifying && n != 1 || want != Verifying && n != 0 {
				t.Errorf("%d dispatches", n)
			}
			if want == Verifying && inc.Conclusion != conclusion {
				t.Errorf("concluded %q", inc.Conclusion)
			}
		})
	}
}

// The tick's own run succeeds while the fallback is not proven: both did it.
func TestRunSucceedsWhileTheFallbackRuns(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(62 * time.Minute))
	b.want(Verifying)
	x := b.come()
	b.begin(x)
	b.want(Verifying)
	b.end(x, "success")
	b.observe(x.ID)
	inc := b.want(Superseded)
	if inc.Late != latePrimaryDuplicate || !strings.Contains(string(inc.Evidence), "also_started") || len(reasons(inc, "duplicate possible")) != 1 {
		t.Errorf("late %q, evidence %s", inc.Late, inc.Evidence)
	}
}

// A primary that was told to skip proves nothing by its success: when the
// fallback then fails, the ladder goes on.
func TestSkippedPrimaryIsNoSuccess(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch, local}})
	b.until(tick.Add(62 * time.Minute))
	b.want(Verifying)
	x := b.come()
	b.begin(x)
	if got := b.guard(x); got.Granted {
		t.Fatalf("%+v", got)
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Verifying)
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	inc := b.want(Recovered)
	if diff := cmp.Diff([]string{"dispatch failed", "run succeeded"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
}

// While GitHub does not answer, nothing is known, and nothing is done. A new
// process listens for a minute before it believes anything.
func TestAbsenceIsBelievedOnTwoAnswers(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	down := githubtest.Fault{Operation: "actions/list-workflow-runs", Kind: githubtest.Status, Code: 503, Times: -1}
	b.gh.Fault(down)
	b.until(tick.Add(75 * time.Minute))
	b.want(Suspected)
	b.gh.ClearFaults()
	b.pass(10 * time.Minute) // the queue's pause between two tries
	before := len(b.dispatched())
	inc := b.want(Verifying)
	looks := reasons(inc, "GitHub lists no run")
	if before != 1 || len(looks) != 1 {
		t.Errorf("%d dispatches, looks %v", before, looks)
	}

	t.Run("a new process", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		b.until(tick.Add(time.Hour + 10*time.Second))
		b.want(Suspected)
		b.clock.Advance(time.Hour) // nobody was there
		b.restart()
		b.work()
		b.want(Suspected)
		b.pass(59 * time.Second)
		b.want(Suspected)
		b.pass(time.Second)
		b.want(Verifying)
	})
}

// Who runs the workflow by hand has made up for the tick.
func TestDoneByHand(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.until(tick.Add(90 * time.Minute))
	b.want(InDoubt)
	b.observe(b.run(primaryPath, "push", "success").ID)
	b.pass(time.Minute)
	x, err := b.repo.StartRunAt(primaryPath, "workflow_dispatch", "main", "mona")
	if err != nil {
		t.Fatal(err)
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Healthy)
	if c := b.check(b.repo.Head("main")); c.Conclusion != "neutral" {
		t.Errorf("check %s", c.Conclusion)
	}
}

// Who asks for a recovery does not wait until the grace is over.
func TestRecoverASuspicion(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.until(tick.Add(20 * time.Minute))
	inc := b.want(Suspected)
	if a := b.ask(queue.Recover{Repo: b.at, Target: "marketing-sync", Actor: "mona"}); !a.Accepted || a.IncidentID != inc.ID {
		t.Fatalf("%+v", a)
	}
	b.fallbackWorked()
	b.want(Recovered)
	if c := b.check(b.repo.Head("main")); c.Conclusion != "success" {
		t.Errorf("check %s", c.Conclusion)
	}
}

// A tick of a schedule that is not watched any more is nobody's.
func TestTickOfASchedulesThatChanged(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(20 * time.Minute))
	b.want(Suspected)
	b.enrol(every("0 5 * * *"))
	b.until(tick.Add(2 * time.Hour))
	inc := b.want(Healthy)
	if b.tickOutcome(tick) != store.TickUnwatched || len(b.effects()) != 0 {
		t.Errorf("%s: %s", inc.Reason, b.tickOutcome(tick))
	}
}

package fallback

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// The crons of a file change while the tick of one that stands is missing: the
// tick stays somebody's. One whose cron is gone is nobody's.
func TestCronsChangeWhileSuspected(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []string
		done          int
	}{
		"one more":      {[]string{"0 6 * * *"}, []string{"0 6 * * *", "0 18 * * *"}, 1},
		"another order": {[]string{"0 6 * * *", "0 18 * * *"}, []string{"0 18 * * *", "0 6 * * *"}, 1},
		"it is gone":    {[]string{"0 6 * * *"}, []string{"0 18 * * *"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			tick := b.toTick("0 6 * * *")
			b.enrol(scheduled(c.before...))
			b.until(tick.Add(30 * time.Minute))
			b.want(Suspected)
			b.enrol(scheduled(c.after...))
			b.pass(4 * time.Hour)
			b.only()
			if n := b.effects()[kindDispatch]; n != c.done {
				t.Errorf("done %d times", n)
			}
		})
	}
}

// A cron that is new begins now, even after it was there before.
func TestCronThatComesBack(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	tick := b.toTick("0 6 * * *")
	b.enrol(scheduled("0 18 * * *"))
	b.until(tick.Add(10 * time.Minute))
	b.enrol(scheduled("0 18 * * *", "0 6 * * *"))
	b.pass(4 * time.Hour)
	if n := b.incidents(); n != 0 {
		t.Errorf("%d incidents about a tick of before", n)
	}
}

// What is being recovered goes on, whatever becomes of the cron.
func TestCronGoesWhileRecovering(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch, event}})
	b.until(tick.Add(62 * time.Minute))
	b.want(Verifying)
	b.enrol(scheduled("0 18 * * *"))
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	b.want(Verifying)
	if b.effects()[kindRepositoryDispatch] != 1 {
		t.Errorf("effects %v", b.effects())
	}
}

// The run of a tick comes hours after the fallback has done its work, when the
// cron of that tick has left the file.
func TestLateRunOfAFormerCron(t *testing.T) {
	for name, flow := range map[string]config.Workflow{
		"guarded":   {Effect: config.Guarded},
		"cancelled": {Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}},
	} {
		t.Run(name, func(t *testing.T) {
			flow.Recover = []config.Step{dispatch}
			b, tick := newTickBench(t, flow)
			b.until(tick.Add(62 * time.Minute))
			b.fallbackWorked()
			inc := b.want(Recovered)
			b.until(tick.Add(3 * time.Hour))
			b.enrol(scheduled("30 5 * * *"))
			b.until(tick.Add(11 * time.Hour))
			x := b.come()
			want := latePrimarySkipped
			if name == "guarded" {
				b.skipsByGuard(x)
			} else {
				want = latePrimaryCancelled
				b.pass(time.Minute)
				b.observe(x.ID)
			}
			if inc = b.incident(inc.ID); inc.Late != want {
				t.Errorf("late primary is %q, want %q; the run is %s", inc.Late, want, x.Conclusion())
			}
		})
	}
}

// The workflow is taken out of the configuration while its tick is missing.
// Put back soon, nothing has changed; otherwise the tick is nobody's.
func TestConfigurationTakenAwayAndPutBack(t *testing.T) {
	for name, c := range map[string]struct {
		away time.Duration
		done int
	}{
		"within minutes":          {5 * time.Minute, 1},
		"after its deadline":      {45 * time.Minute, 1},
		"after more than an hour": {61 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			b.until(tick.Add(30 * time.Minute))
			b.want(Suspected)
			whole := b.configs.c
			b.configs.c = config.Repository{Version: 1, Workflows: whole.Workflows[1:]}
			b.watch()
			b.pass(c.away)
			b.configs.c = whole
			b.watch()
			if c.away > 30*time.Minute && c.done == 1 { // its return wakes the tick's incident
				b.pass(2 * time.Minute)
			} else {
				b.pass(4 * time.Hour)
			}
			if n := b.effects()[kindDispatch]; n != c.done {
				t.Errorf("done %d times: %s", n, b.only().Reason)
			}
		})
	}
}

// A push that changes the cron starts a run, which gets stuck: it is as any
// other of the workflow.
func TestRunOfThePushThatChangesTheCron(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{rerun}})
	file := func(c string) map[string]string {
		return map[string]string{primaryPath: "on: {push: {}, schedule: [{cron: '" + c + "'}], workflow_dispatch: {}}\n" + plainJobs}
	}
	b.enrol(file("0 6 * * *"))
	b.pass(10 * time.Minute)
	b.queued("push")
	b.clock.Advance(5 * time.Second)
	b.enrol(file("0 7 * * *"))
	b.pass(90 * time.Minute)
	for _, inc := range b.ofState(States...) {
		if inc.Signal == Stalled {
			return
		}
	}
	t.Error("the run is queued for 90 minutes, and nobody notices")
}

// The repository is archived while its tick is missing; whether the delivery
// about it has come or not, nothing runs in it any more.
func TestArchivedWhileSuspected(t *testing.T) {
	for name, told := range map[string]bool{"told": true, "not told": false} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch, local}})
			b.until(tick.Add(30 * time.Minute))
			b.want(Suspected)
			b.repo.SetArchived(true)
			if told {
				b.record(store.Repository{Archived: true})
			}
			b.pass(4 * time.Hour)
			if inc := b.want(Healthy); inc.Reason != archivedReason || len(b.effects()) != 0 {
				t.Errorf("%q, effects %v", inc.Reason, b.effects())
			}
		})
	}
}

// Our clock is a day ahead of GitHub's: no tick is missed by it that has not
// come by GitHub's.
func TestClockAheadOfGitHub(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(time.Minute))
	b.works()
	b.clock = clockwork.NewFakeClockAt(b.clock.Now().Add(24*time.Hour + 90*time.Minute)) // GitHub keeps the other one
	b.queue.clock = b.clock
	b.restart()
	b.look()
	b.pass(10 * time.Minute)
	if b.want(Suspected); len(b.effects()) != 0 {
		t.Errorf("effects %v", b.effects())
	}
}

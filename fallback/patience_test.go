package fallback

import (
	"errors"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

// passMortal lets time pass like pass, with the queue's pauses between attempts
// and its dead letters, and says which kinds of jobs died.
func (b *bench) passMortal(d time.Duration) (died []string) {
	b.Helper()
	workers, end := b.engine.Workers(), b.clock.Now().Add(d)
	for {
		job, ok := b.queue.take()
		if !ok {
			at, ok := b.queue.nextAt()
			if !ok || at.After(end) {
				b.clock.Advance(end.Sub(b.clock.Now()))
				return died
			}
			b.clock.Advance(at.Sub(b.clock.Now()))
			continue
		}
		w, known := workers[job.Kind]
		if !known {
			continue
		}
		err := w.Work(b.ctx, job)
		var snooze *queue.SnoozeError
		if err == nil {
			continue
		}
		v := githubapi.Classify(b.clock)(err)
		switch {
		case errors.As(err, &snooze):
			job.Attempt--
			b.queue.put(job, snooze.Until)
		case v.Action == queue.SnoozeUntil:
			job.Attempt--
			b.queue.put(job, v.Until)
		case v.Action == queue.GiveUp || job.Attempt >= queue.DefaultMaxAttempts:
			died = append(died, job.Kind)
		default:
			b.queue.put(job, b.clock.Now().Add(queue.Backoff(job.Attempt)))
		}
	}
}

// An incident outlives an outage of two days, whatever it is that fails.
func TestIncidentOutlivesAnOutage(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(16 * time.Minute))
	b.want(Suspected)
	b.gh.Fault(githubtest.Fault{Operation: "actions/list-workflow-runs", Kind: githubtest.Status, Code: 500, Times: -1})
	if died := b.passMortal(20 * time.Hour); len(died) != 0 {
		t.Errorf("dead: %v", died)
	}
	before := b.gh.Count("actions/list-workflow-runs")
	b.passMortal(20 * time.Hour)
	if n := b.gh.Count("actions/list-workflow-runs") - before; n > 400 {
		t.Errorf("%d requests in 20 hours of an outage", n)
	}
	b.gh.ClearFaults()
	b.passMortal(3 * time.Hour)
	if len(b.effects()) == 0 {
		t.Errorf("nothing is done: %+v", b.only())
	}
}

// Neither a refusal nor an outage ends the looks at a run that is stuck.
func TestLookAtARunOutlivesItsErrors(t *testing.T) {
	for name, f := range map[string]githubtest.Fault{
		"one 404":       {Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 404, Times: 1},
		"one 403":       {Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 403, Times: 1},
		"403 for hours": {Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 403, Times: -1},
		"500 for hours": {Operation: jobsOperation, Kind: githubtest.Status, Code: 500, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			b.queued("schedule")
			b.gh.Fault(f)
			if died := b.passMortal(8 * time.Hour); len(died) != 0 {
				t.Errorf("dead: %v", died)
			}
			b.gh.ClearFaults()
			b.passMortal(3 * time.Hour)
			if inc := b.only(); inc.Signal != Stalled || len(b.effects()) == 0 {
				t.Errorf("%+v", inc)
			}
		})
	}
}

// A run that stays away was deleted, and nobody looks for it for ever.
func TestDeletedRunIsNotInspectedForEver(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.queued("schedule")
	b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 404, Times: -1})
	before := b.gh.Count("actions/get-workflow-run")
	b.passMortal(24 * time.Hour)
	if n := b.gh.Count("actions/get-workflow-run") - before; n != 2 || b.incidents() != 0 {
		t.Errorf("%d looks, %d incidents", n, b.incidents())
	}
}

// A refusal does not hide that a push has started nothing.
func TestLookForAPushOutlivesARefusal(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.pushMain("feature")
	b.gh.Fault(githubtest.Fault{Operation: "actions/list-workflow-runs-for-repo", Kind: githubtest.Status, Code: 403, Times: 1})
	b.passMortal(30 * time.Minute)
	if inc := b.only(); inc.Signal != Absent || inc.Confirmed == nil {
		t.Errorf("%+v", inc)
	}
}

// An incident whose wake-up is lost comes back within the hour; one that has a
// turn sooner keeps it.
func TestRouse(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun}})
	b.queued("schedule")
	b.pass(10 * time.Minute)
	b.want(Suspected)
	at, _ := b.queue.nextAt()
	rouse := func() { b.survive(func() error { return b.store.Update(b.ctx, b.engine.Rouse) }) }
	rouse()
	if next, ok := b.queue.nextAt(); !ok || !next.Equal(at) {
		t.Errorf("the next turn is at %s, was at %s", next, at)
	}
	b.queue.jobs = nil
	rouse()
	if n := len(b.queue.jobs); n != 1 || b.queue.jobs[0].Kind != (queue.AdvanceIncident{}).Kind() {
		t.Errorf("%d jobs", n)
	}
	b.pass(time.Hour + 15*time.Minute)
	b.wantCancels(1, 0)
}

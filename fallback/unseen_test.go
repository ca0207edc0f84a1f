package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/history"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// scanner gives a comparison of GitHub's list with the record, made at once.
func (b *bench) scanner() (scan func()) {
	b.Helper()
	h := history.New(history.Config{
		Store: b.store, Queue: b.queue, Clients: b.clients, Engine: b.engine, Clock: b.clock,
		BotLogin: func() string { return "redundancy[bot]" }, Registerer: prometheus.NewRegistry(),
	})
	args, err := json.Marshal(queue.ScanRuns{InstallationID: b.at.InstallationID})
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		b.Helper()
		now := store.MillisOf(b.clock.Now())
		err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DoubtScans(ctx, nil, now, now) })
		if err == nil {
			err = h.Scan(b.ctx, queue.Job{Kind: queue.ScanRuns{}.Kind(), Args: args, CreatedAt: b.clock.Now()})
		}
		if err != nil {
			b.Fatal(err)
		}
		b.work()
	}
}

// scans compares now and every hour.
func (b *bench) scans(scan func(), hours int) {
	b.Helper()
	for range hours {
		scan()
		b.pass(time.Hour)
	}
}

// A tick's run comes in time and fails, and no webhook tells. Whoever finds it
// first, the comparison or the tick itself, it is recovered.
func TestFailureThatATickFinds(t *testing.T) {
	for name, first := range map[string]time.Duration{"compared first": 10 * time.Minute, "the tick first": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			scan := b.scanner()
			scan()
			b.until(tick.Add(3 * time.Minute))
			b.end(b.come(), "failure")
			b.until(tick.Add(first))
			b.scans(scan, 3)
			if len(b.dispatched()) != 1 {
				t.Errorf("recovered %d times", len(b.dispatched()))
			}
		})
	}
}

// Yesterday's failure was given up. Today's run succeeds, the tick finds it,
// and what was given up is closed.
func TestSuccessThatATickFinds(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{{Run: &config.Run{Host: config.LocalHost, Action: "git-sync"}}}})
	b.actions.exit["git-sync"] = 1
	scan := b.scanner()
	scan()
	b.until(tick.Add(2 * time.Minute))
	b.fail("failure")
	b.want(Exhausted)
	b.until(tick.Add(24*time.Hour + 3*time.Minute))
	x, err := b.repo.StartRun(primaryPath, schedule.Event)
	if err != nil {
		t.Fatal(err)
	}
	b.end(x, "success")
	b.until(tick.Add(24*time.Hour + 20*time.Minute))
	b.scans(scan, 2)
	if n := len(b.ofState(Exhausted)); n != 0 {
		t.Errorf("%d incidents stay given up after the workflow has succeeded", n)
	}
}

// A failed run that is none of the tick's is found while the tick is asked for.
func TestOtherFailureThatATickFinds(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	scan := b.scanner()
	scan()
	b.until(tick.Add(10 * time.Minute))
	x, err := b.repo.StartRun(primaryPath, "push")
	if err != nil {
		t.Fatal(err)
	}
	b.end(x, "failure")
	b.until(tick.Add(20 * time.Minute))
	b.begin(b.come())
	b.scans(scan, 2)
	for _, inc := range b.ofState(States...) {
		if inc.Run == x.ID {
			return
		}
	}
	t.Error("the failed run has no incident")
}

// A run that a webhook tells of is refused, once or for hours: the failure is
// recovered when it is shown.
func TestFailureThatGitHubRefusesToShow(t *testing.T) {
	for _, tc := range []struct {
		code, times int
		away        time.Duration
	}{{403, 1, time.Hour}, {404, 1, time.Hour}, {422, 1, time.Hour}, {451, -1, 4 * time.Hour}, {500, -1, 4 * time.Hour}} {
		t.Run(fmt.Sprint(tc.code), func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.until(tick.Add(3 * time.Minute))
			x := b.come()
			b.end(x, "failure")
			b.see(x)
			b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: tc.code, Times: tc.times})
			b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID, DeliveryID: "d"}.Item())
			if died := b.passMortal(tc.away); len(died) != 0 {
				t.Errorf("dead: %v", died)
			}
			b.gh.ClearFaults()
			if tc.code == 500 { // the clients' own breaker goes by the clock on the wall
				return
			}
			b.pass(2 * time.Hour)
			if len(b.dispatched()) != 1 {
				t.Errorf("recovered %d times", len(b.dispatched()))
			}
		})
	}
}

// A job that was given up leaves its run to the comparisons, for as long as it
// is of any use.
func TestFailureThatNobodyAccountedFor(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	scan := b.scanner()
	b.until(tick.Add(3 * time.Minute))
	x := b.come()
	b.end(x, "failure")
	b.see(x) // and no job observes it
	scan()
	b.fallbackWorked()
	b.want(Recovered)
	b.scans(scan, 2)
	asked := b.gh.Count("actions/get-workflow-run")
	b.scans(scan, 24)
	if n := b.gh.Count("actions/get-workflow-run"); n != asked {
		t.Errorf("%d requests about what is accounted for", n-asked)
	}
}

package fallback

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// A host that starts nothing is not asked again and again.
func TestHostBreaker(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = -2
	for range 5 {
		b.fail("failure")
	}
	if list := must(b.engine.Upstreams(b.ctx)); len(list) != 1 || list[0].Dependency != "agent:local" || list[0].Incident != 0 {
		t.Fatalf("%+v", list)
	}
	b.actions.exit["git-sync"] = 0
	b.closeWorkflowBreaker()
	x := b.fail("failure")
	list := must(b.engine.Incidents(b.ctx, Filter{Limit: 1}))
	b.wantState(b.incident(list[0].ID), Suppressed)
	if list[0].Run != x.ID || list[0].HeldBy != gateUpstream || b.actions.count() != 0 {
		t.Errorf("%+v, %d actions", list[0], b.actions.count())
	}
	b.pass(2 * time.Minute)
	b.wantState(b.incident(list[0].ID), Recovered)
}

// A name that the host does not know says nothing about the host.
func TestAWrongNameStopsNoHost(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = -1
	for range 6 {
		b.fail("failure")
	}
	if list := must(b.engine.Upstreams(b.ctx)); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// closeWorkflowBreaker takes the workflow's own breaker out of the way.
func (b *bench) closeWorkflowBreaker() {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		return b.engine.closeBreaker(ctx, tx, b.repo.ID, primaryPath)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// Runs that only asking shows mean that webhooks do not come.
func TestWebhookSilence(t *testing.T) {
	f := newFleet(t, 8, config.Workflow{Recover: []config.Step{rerun}})
	deliver := func(guid string) {
		t.Helper()
		err := f.store.Update(f.ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.NewRaw("INSERT INTO deliveries (guid, event, received_at, processed_at, size, body) VALUES (?, 'push', ?, 1, 0, '')", guid, f.engine.now()).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	deliver("a")
	f.pass(20 * time.Minute)
	for i := range 8 {
		f.start(f.repos[i], primaryPath)
		f.turn(3 * time.Minute)
	}
	list := f.upstreams()
	if len(list) != 1 || list[0].Dependency != upstream.Webhooks {
		t.Fatalf("%+v", list)
	}
	x := must(f.repos[0].StartRun(primaryPath, schedule.Event))
	f.end(x, "failure")
	f.enqueue(queue.ObserveRun{Repo: f.address(f.repos[0]), RunID: x.ID}.Item())
	f.work()
	f.turn(time.Second)
	f.wantState(f.of(f.repos[0], primaryPath), Recovered) // nothing is held for that
	deliver("b")                                          // one is enough
	f.pass(6 * time.Minute)
	if list := f.upstreams(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

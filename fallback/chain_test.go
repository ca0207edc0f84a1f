package fallback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// demand is a redundancy-recover by repository_dispatch.
func (b *bench) demand(guid string, depth int) Answer {
	b.Helper()
	r := queue.Recover{Repo: b.at, Target: "marketing-sync", Depth: depth, Actor: "github-actions[bot]", Automated: true, DeliveryID: guid}
	a, err := b.engine.Recover(b.ctx, r)
	if err != nil {
		b.Fatal(err)
	}
	b.work()
	return a
}

// A fallback that fails and asks for the recovery that started it: the chain
// ends, whether or not it hands on the depth.
func TestChainEnds(t *testing.T) {
	for name, c := range map[string]struct {
		depth func(got int) int
		sent  int
		says  string
	}{
		"depth handed on":  {func(got int) int { return got }, MaxDepth, "number 4 of a chain"},
		"depth left out":   {func(int) int { return 0 }, 1 + maxUnasked, "tried 3 times again without a person"},
		"depth kept at 1":  {func(int) int { return 1 }, 1 + maxUnasked, "tried 3 times again without a person"},
		"depth at the end": {func(int) int { return MaxDepth }, 1, "number 4 of a chain"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{event}})
			b.fail("failure")
			var last Answer
			for i := range 10 {
				runs := b.dispatched()
				child := runs[len(runs)-1]
				if child.Status() != "completed" {
					b.end(child, "failure")
					b.observe(child.ID)
				}
				b.want(Exhausted)
				var p Payload
				if err := json.Unmarshal(child.Payload, &p); err != nil {
					t.Fatal(err)
				}
				last = b.demand(fmt.Sprint("guid-", i), c.depth(p.Depth))
				b.clock.Advance(time.Second)
			}
			sent := b.repo.Dispatches()
			if len(sent) != c.sent {
				t.Errorf("sent %d events, want %d", len(sent), c.sent)
			}
			if last.Accepted || !strings.Contains(last.Message, c.says) {
				t.Errorf("the last answer is %+v", last)
			}
			// A person can always go on, and then the bound counts anew.
			if a := b.ask(queue.Recover{Target: "marketing-sync"}); !a.Accepted {
				t.Errorf("%+v", a)
			}
			b.want(Verifying)
		})
	}
}

// The refusal is on the timeline, once.
func TestRefusedRoundIsNotedOnce(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	for i := range maxUnasked + 3 {
		a := b.demand(fmt.Sprint("guid-", i), 0)
		if a.Accepted != (i < maxUnasked) {
			t.Errorf("request %d: %+v", i+1, a)
		}
	}
	if n := b.actions.count(); n != 1+maxUnasked {
		t.Errorf("ran %d times, want %d", n, 1+maxUnasked)
	}
	noted := 0
	for _, e := range b.want(Exhausted).Timeline {
		if e.Reason == "refused another round for github-actions[bot]: 3 have begun without a person asking" {
			noted++
		}
	}
	if noted != 1 {
		t.Errorf("noted %d times", noted)
	}
}

// What the breaker holds back, only a person takes further.
func TestDemandDoesNotPassTheBreaker(t *testing.T) {
	b := broken(t)
	b.fail("failure")
	b.wantState(b.newest(), Suppressed)
	if a := b.demand("guid", 0); a.Accepted || !strings.Contains(a.Message, "only a person can take it further") {
		t.Errorf("%+v", a)
	}
	b.wantState(b.newest(), Suppressed)
	if a := b.ask(queue.Recover{Target: "marketing-sync"}); !a.Accepted {
		t.Errorf("%+v", a)
	}
	b.wantState(b.newest(), Exhausted)
}

// The same for an incident that a demand opens, and for a further round.
func TestDemandAsksTheBreaker(t *testing.T) {
	b := broken(t)
	b.run(primaryPath, "schedule", "failure")
	if a := b.demand("guid", 0); a.IncidentID != 2 { // goes on with the exhausted one
		t.Errorf("%+v", a)
	}
	b.wantState(b.newest(), Suppressed)
	if n := b.actions.count(); n != 2 {
		t.Errorf("%d actions", n)
	}
	b = broken(t)
	b.configs.c.Workflows[1].Recover = []config.Step{local}
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		return tx.SaveBreaker(ctx, store.Breaker{RepoID: b.at.ID, WorkflowPath: otherPath, State: breakerOpen, Until: store.MillisOf(b.clock.Now().Add(time.Hour))})
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(otherPath, "push", "failure")
	a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, Target: "sync-health", Actor: "octocat", Automated: true})
	if err != nil || !a.Accepted {
		t.Fatal(a, err)
	}
	b.work()
	b.wantState(b.newest(), Suppressed)
}

// In doubt, a machine's wish decides nothing.
func TestDemandInDoubt(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local, dispatch}})
	b.actions.lose = true
	b.fail("failure")
	b.want(InDoubt)
	if a := b.demand("guid", 0); a.Accepted {
		t.Errorf("%+v", a)
	}
	b.want(InDoubt)
	if diff := cmp.Diff(map[string]int{kindRun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

package fallback

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Somebody with the API token holds the claim of a run that fails.
func foreignClaim(t *testing.T) (*bench, ClaimRequest) {
	t.Helper()
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.begun("push")
	r := ClaimRequest{Key: b.runKey(x), Owner: "deployer-1", Lease: MaxLease}
	got, err := b.engine.Claim(b.ctx, r)
	if err != nil || !got.Granted {
		t.Fatal(got, err)
	}
	b.end(x, "failure")
	b.observe(x.ID)
	b.pass(time.Hour)
	inc := b.want(Failing)
	if timelineCount(inc, "waiting for the claim: deployer-1 is doing the work, with epoch 1, until ") != 1 || len(b.effects()) != 0 {
		t.Fatalf("%+v, effects %v", inc.Timeline, b.effects())
	}
	r.Epoch, r.Lease = got.Epoch, 0
	return b, r
}

func TestAClaimThatIsGivenBackGoesToTheNextStepAtOnce(t *testing.T) {
	b, r := foreignClaim(t)
	a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, IncidentID: b.only().ID, Actor: "bob"})
	if err != nil || a.Accepted || !strings.Contains(a.Message, "waits for its claim") || !strings.Contains(a.Message, "deployer-1 is doing the work") {
		t.Errorf("a person asks: %+v %v", a, err)
	}
	r.State = store.ClaimFree
	if got, err := b.engine.Claim(b.ctx, r); err != nil || !got.Granted {
		t.Fatal(got, err)
	}
	b.work() // no time passes
	if inc := b.want(Verifying); inc.Steps[0].Epoch != 2 {
		t.Errorf("the step has epoch %d", inc.Steps[0].Epoch)
	}
}

func TestWorkThatSomebodyElseHasDoneSettlesTheIncidentAtOnce(t *testing.T) {
	b, r := foreignClaim(t)
	r.State = store.ClaimDone
	if got, err := b.engine.Claim(b.ctx, r); err != nil || !got.Granted {
		t.Fatal(got, err)
	}
	b.work()
	b.want(Superseded)
	if len(b.effects()) != 0 {
		t.Errorf("effects %v", b.effects())
	}
}

// The holder lets its lease run out, which is a doubt, and says later what became of it.
func TestAHolderThatComesBackEndsTheDoubt(t *testing.T) {
	for state, want := range map[store.ClaimState]State{store.ClaimFree: Verifying, store.ClaimDone: Superseded} {
		t.Run(string(state), func(t *testing.T) {
			b, r := foreignClaim(t)
			b.pass(MaxLease)
			b.want(InDoubt)
			r.State = state
			if got, err := b.engine.Claim(b.ctx, r); err != nil || !got.Granted {
				t.Fatal(got, err)
			}
			b.work()
			b.want(want)
		})
	}
}

// A guard token is in every run of its repository: none of them can hold the
// work of another one, or of an incident.
func TestAGuardTokenHoldsNothingOfOthers(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.fail("failure")
	inc := b.want(Verifying)
	row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		r  ClaimRequest
		ok bool
	}{
		"somebody, a run's":             {ClaimRequest{Key: b.runKey(x), Owner: "workflow:9:1:1", Lease: MaxLease}, false},
		"somebody, an occurrence":       {ClaimRequest{Key: row.OccurrenceKey, Owner: "workflow:9:1:1"}, false},
		"nobody, an occurrence":         {ClaimRequest{Key: row.OccurrenceKey}, false},
		"somebody's word about it":      {ClaimRequest{Key: row.OccurrenceKey, Owner: "x", Epoch: 1, State: store.ClaimDone}, false},
		"the epoch of an occurrence":    {ClaimRequest{Key: row.OccurrenceKey, Epoch: 1}, true},
		"the run":                       {ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:1", x.ID)}, true},
		"nobody, a run's":               {ClaimRequest{Key: b.runKey(x)}, true},
		"a key of the repository's own": {ClaimRequest{Key: fmt.Sprintf("repo-%d-deploy", b.repo.ID), Owner: "x"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.RepoID = b.repo.ID
			if _, err := b.engine.Claim(b.ctx, c.r); IsClaimMistake(err) == c.ok || c.ok && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

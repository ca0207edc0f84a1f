package fallback

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// Forty late runs begin at once, before their webhooks are handled: all of them
// get an answer.
func TestManyThatAskAtOnceWaitForOneAnother(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	var runs []*githubtest.Run
	for range 40 {
		runs = append(runs, b.begun("push"))
	}
	var wg sync.WaitGroup
	for _, x := range append(runs, runs...) {
		wg.Go(func() {
			got, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:1", x.ID), RepoID: b.repo.ID})
			if err != nil || !got.Granted {
				t.Errorf("run %d: %+v, %v", x.ID, got, err)
			}
		})
	}
	wg.Wait()
	if n := b.gh.Count("actions/get-workflow-run"); n < 40 || n > 80 {
		t.Errorf("%d requests", n)
	}
	b.engine.lookUps.slots = nil // a known run needs none
	if got := b.guard(runs[0]); !got.Granted {
		t.Errorf("%+v", got)
	}
}

// A guard token does not open the installation's rate limit.
func TestLookUpsInVainAreLimited(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x := b.begun("push")
	b.guard(x)
	count := func() int { return b.gh.Count("actions/get-workflow-run") }
	before := count()
	for range 300 {
		_, _ = b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: fmt.Sprintf("run:%d:9999", x.ID), RepoID: b.repo.ID})
	}
	if n := count() - before; n != 1 {
		t.Errorf("the same question cost %d requests", n)
	}
	var err error
	for i := range 300 {
		_, err = b.engine.ReadClaim(b.ctx, fmt.Sprintf("run-%d-%d", b.repo.ID, 777777+i), b.repo.ID)
		if n := count() - before; errors.Is(err, ErrClaimRun) != (i < idleLookUps-1) {
			t.Fatalf("question %d: %v, after %d requests", i, err, n)
		}
	}
	if n := count() - before; n != idleLookUps || !errors.Is(err, ErrClaimLimit) {
		t.Errorf("%d requests, %v", n, err)
	}
	if got := b.guard(x); !got.Granted { // what is known is answered
		t.Errorf("%+v", got)
	}
	b.clock.Advance(time.Minute)
	y := b.begun("push") // and so is what is found
	if got := b.guard(y); !got.Granted {
		t.Errorf("%+v", got)
	}
	z := b.begun("push")
	if got := b.guard(z); !got.Granted {
		t.Errorf("%+v", got)
	}
}

// While GitHub gives no answer nobody learns anything, which does not count: the runs that
// ask afterwards are looked up.
func TestLookUpsThatFailDoNotCount(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 403, Times: -1})
	x := b.begun("push")
	for range idleLookUps + 1 {
		if _, err := b.engine.Claim(b.ctx, ClaimRequest{Key: b.runKey(x), Owner: runOwner(x.ID, 1), RepoID: b.repo.ID}); err == nil || errors.Is(err, ErrClaimLimit) {
			t.Fatal(err)
		}
	}
	b.gh.ClearFaults()
	b.clock.Advance(time.Second)
	if got := b.guard(x); !got.Granted {
		t.Errorf("%+v", got)
	}
}

// An attempt asks before GitHub shows it: it is asked to come again, and looked
// up again when it does.
func TestAnAttemptThatGitHubDoesNotShowYetAsksAgain(t *testing.T) {
	b := newKnownBench(t, config.Workflow{File: fallbackPath})
	x := b.begun("push")
	b.guard(x)
	b.end(x, "failure")
	b.observe(x.ID)
	second := ClaimRequest{Key: b.runKey(x), Owner: runOwner(x.ID, 2), RepoID: b.repo.ID}
	if _, err := b.engine.Claim(b.ctx, second); !errors.Is(err, ErrClaimBusy) {
		t.Fatal(err)
	}
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(laggedFor)
	if got, err := b.engine.Claim(b.ctx, second); err != nil || !got.Granted || got.Epoch != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

package fallback

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// skips is a run that asks for the claim, is told to skip its work, and ends well.
func (b *bench) skips(x *githubtest.Run) {
	b.Helper()
	if got := b.guard(x); got.Granted {
		b.Fatalf("granted: %+v", got)
	}
	b.end(x, "success")
	b.observe(x.ID)
}

// A run that was told to skip its work succeeds without having done it, and its
// success is evidence of nothing.
func TestSkippedSuccessProvesNothing(t *testing.T) {
	t.Run("a run by hand, when the fallback fails", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
		b.until(tick.Add(62 * time.Minute))
		b.want(Verifying)
		y := b.begun("workflow_dispatch")
		b.see(y)
		b.skips(y)
		d := b.dispatched()[0]
		b.end(d, "failure")
		b.observe(d.ID)
		b.want(Exhausted)
		if err := b.engine.Resume(b.ctx); err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Hour)
		b.want(Exhausted)
	})
	t.Run("the twin of a scheduled run", func(t *testing.T) {
		b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}, Effect: config.Guarded})
		b.until(tick)
		old := b.come()
		b.end(old, "success")
		b.observe(old.ID)
		b.until(tick.Add(24*time.Hour + 10*time.Second))
		one := b.begun("schedule")
		b.see(one)
		b.pass(5 * time.Second)
		two := b.begun("schedule")
		b.see(two)
		if got := b.guard(one); !got.Granted {
			t.Fatalf("refused: %+v", got)
		}
		b.skips(two)
		b.pass(2 * time.Hour) // long enough for GitHub to be asked for later runs
		b.end(one, "failure")
		b.observe(one.ID)
		b.want(Verifying)
	})
	t.Run("a run that GitHub had lost", func(t *testing.T) {
		b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch, local}})
		x := b.queued("push")
		x.DropJobs()
		x.SetCancel(githubtest.Refused, githubtest.Refused)
		b.pass(20 * time.Minute)
		b.want(Verifying)
		b.step(x, "Set up job")
		b.observe(x.ID)
		b.skips(x)
		b.want(Verifying)
		d := b.dispatched()[0]
		b.end(d, "failure")
		b.observe(d.ID)
		b.want(Recovered)
		if b.actions.count() != 1 {
			t.Error("the next step was not begun")
		}
	})
	t.Run("a step's own run, past its deadline", func(t *testing.T) {
		b := newKnownBench(t, config.Workflow{Recover: []config.Step{rerun}})
		x := b.fail("failure")
		if err := x.SetStatus("waiting"); err != nil {
			t.Fatal(err)
		}
		b.pass(6*time.Hour + 10*time.Minute)
		b.want(InDoubt)
		if err := x.Progress(); err != nil {
			t.Fatal(err)
		}
		b.observe(x.ID)
		b.skips(x)
		b.pass(2 * time.Hour)
		if inc := b.want(InDoubt); !strings.HasSuffix(inc.Reason, "was told to skip its work; that it succeeded proves nothing") {
			t.Errorf("reason %q", inc.Reason)
		}
	})
}

// A claim that a step has given up is whose who comes first: the step's own run
// does the work then, and nothing else is begun while it does.
func TestRunOfAStepThatWasGivenUp(t *testing.T) {
	again := config.Step{Dispatch: &config.Dispatch{Workflow: primaryPath, Ref: "main"}}
	b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{again}})
	b.fail("failure")
	d := b.dispatched()[0]
	if err := d.SetStatus("waiting"); err != nil {
		t.Fatal(err)
	}
	b.pass(6*time.Hour + 10*time.Minute)
	inc := b.want(Exhausted)
	if err := d.Progress(); err != nil {
		t.Fatal(err)
	}
	b.observe(d.ID)
	got := b.guard(d)
	b.wantGrant(got, true, 2, fmt.Sprintf("run:%d:1", d.ID))
	b.end(d, "success")
	b.observe(d.ID)
	b.wantState(b.incident(inc.ID), Healthy)
	if c, _, err := storeClaim(b, got.Key); err != nil || c.State != store.ClaimDone {
		t.Errorf("claim %+v: %v", c, err)
	}
}

// GitHub's readers can show the attempt before the one that asks. A re-run of
// ours is known all the same; any other attempt asks again.
func TestAttemptAheadOfGitHub(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{rerun, dispatch}})
	var stale json.RawMessage
	b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if stale == nil || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/actions/runs/") || strings.Contains(r.URL.Path, "/jobs") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(stale)
		return true
	})
	x := b.begun("push")
	b.observe(x.ID)
	b.wantGrant(b.guard(x), true, 1, fmt.Sprintf("run:%d:1", x.ID))
	b.end(x, "failure")
	client := b.client()
	req, err := client.NewRequest(http.MethodGet, fmt.Sprintf("repos/acme/site/actions/runs/%d", x.ID), nil)
	if err != nil {
		t.Fatal(err)
	}
	var before json.RawMessage
	if _, err := client.Do(b.ctx, req, &before); err != nil {
		t.Fatal(err)
	}
	b.observe(x.ID)
	b.want(Verifying)
	stale = before
	if got := b.guard(x); !got.Granted || got.Owner != "incident:1" {
		t.Errorf("attempt %d of ours: %+v", x.Attempt(), got)
	}
	key, owner := fmt.Sprintf("run-%d-%d", b.at.ID, x.ID), fmt.Sprintf("run:%d:3", x.ID)
	if got, err := b.engine.Claim(b.ctx, ClaimRequest{Key: key, Owner: owner}); !errors.Is(err, ErrClaimBusy) {
		t.Errorf("an attempt that nobody knows: %+v, %v", got, err)
	}
	if _, told, err := store.ReadRefusal(b.ctx, b.store.Read(), b.at.ID, x.ID, 3); err != nil || told {
		t.Errorf("it is on record as told to skip: %t, %v", told, err)
	}
	stale = nil
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Recovered)
}

package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

// A lost answer whose run shows up within the window leads to one execution;
// the window depends on what a second one would do.
func TestWindow(t *testing.T) {
	for effect, window := range map[config.Effect]time.Duration{
		config.Guarded: 2 * time.Minute, config.Idempotent: 2 * time.Minute, config.AtMostOnce: 10 * time.Minute, "": 10 * time.Minute,
	} {
		for name, c := range map[string]struct {
			lag  time.Duration
			want int
		}{"at the limit": {window, 1}, "over it": {window + time.Minute, 2}} {
			t.Run(string(effect)+" "+name, func(t *testing.T) {
				b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{dispatch}})
				b.gh.SetDispatchLag(c.lag)
				b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
				b.fail("failure")
				b.pass(window + 30*time.Second)
				if n := b.effects()[kindDispatch]; n != c.want {
					t.Errorf("dispatched %d times, want %d", n, c.want)
				}
			})
		}
	}
}

// A process that was down for the whole window does not decide on one list.
func TestOneEmptyListDecidesNothing(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.crash = pointEffect
	b.gh.SetDispatchLag(time.Hour + 3*time.Minute)
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	x := b.run(primaryPath, "schedule", "failure")
	b.engine.at = func(point string) error {
		if point == pointEffect {
			b.clock.Advance(time.Hour) // the next process comes late
			return errCrash
		}
		return nil
	}
	b.observe(x.ID)
	b.want(Recovering)
	b.pass(settleOnce / 2)
	b.want(Verifying) // by the run that showed up meanwhile
	if n := b.effects()[kindDispatch]; n != 1 {
		t.Errorf("dispatched %d times", n)
	}
}

// The looks for a lost run are fewer than one every five seconds.
func TestLooksThinOut(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, Times: -1})
	b.fail("failure")
	b.pass(settleOnce)
	if n := b.gh.Count("actions/list-workflow-runs"); n < 2 || n > 40 {
		t.Errorf("looked %d times", n)
	}
}

// A run that appears after its step was given up is ours, is no new incident,
// and is reported.
func TestRunAppearsAfterItWasGivenUp(t *testing.T) {
	t.Run(kindDispatch, func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
		b.configs.c.Workflows = append(b.configs.c.Workflows, config.Workflow{File: fallbackPath})
		b.gh.SetDispatchLag(settleOnce + 30*time.Second)
		b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
		b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Status, Code: 422})
		b.fail("failure")
		b.pass(settleOnce + time.Minute)
		inc := b.want(Recovered) // by the next step
		if diff := cmp.Diff([]string{"dispatch not_done", "dispatch failed", "run succeeded"}, steps(inc)); diff != "" {
			t.Fatal(diff)
		}
		b.wantDuplicate("failure")
	})
	t.Run(kindRepositoryDispatch, func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{event, local}})
		b.configs.c.Workflows = append(b.configs.c.Workflows, config.Workflow{File: eventPath})
		b.gh.SetDispatchLag(settleOnce + 30*time.Second)
		b.fail("failure")
		b.pass(settleOnce + time.Minute)
		inc := b.want(Recovered)
		if diff := cmp.Diff([]string{"repository_dispatch failed", "run succeeded"}, steps(inc)); diff != "" {
			t.Fatal(diff)
		}
		b.wantDuplicate("success")
	})
}

func (b *bench) wantDuplicate(conclusion string) {
	b.Helper()
	late := b.dispatched()[0]
	b.end(late, conclusion)
	b.observe(late.ID, late.ID)
	inc := b.want(Recovered)
	var said []string
	for _, e := range inc.Timeline {
		if strings.HasPrefix(e.Reason, "duplicate possible") && strings.Contains(string(e.Evidence), "/actions/runs/") {
			said = append(said, e.Reason)
		}
	}
	if len(said) != 1 {
		b.Errorf("timeline says %q", said)
	}
}

// The run of a second try is that try's, though its first try was given up just before.
func TestLateRunIsNotTakenFromTheNextTry(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset})
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	b.engine.at = func(point string) error {
		if runs := b.dispatched(); point == pointEffect && len(runs) > 0 { // its webhook is faster than we are
			b.enqueue(queue.ObserveRun{Repo: b.at, RunID: runs[0].ID}.Item())
		}
		return nil
	}
	b.fail("failure")
	b.pass(settleDispatch + time.Minute)
	inc := b.want(Verifying)
	if diff := cmp.Diff([]string{"dispatch not_done", "dispatch started"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	for _, e := range inc.Timeline {
		if strings.HasPrefix(e.Reason, "duplicate") {
			t.Error(e.Reason)
		}
	}
}

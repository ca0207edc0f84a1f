package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

// A 404 about a workflow that is there, at whichever look, neither ends the
// incident of its tick nor proves that its run cannot come any more.
func TestA404AboutTheWorkflowIsNotBelievedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		effect config.Effect
		at     time.Duration // after the tick
		times  int           // 404s in a row: each look asks twice
		state  State
		done   int
	}{
		"when the tick is confirmed":       {config.Idempotent, 59 * time.Minute, 1, Recovered, 1},
		"twice in that look":               {config.Idempotent, 59 * time.Minute, 2, Recovered, 1},
		"when proof is sought":             {config.AtMostOnce, 90 * time.Minute, 3, InDoubt, 0},
		"when it is confirmed, then proof": {config.AtMostOnce, 59 * time.Minute, 3, InDoubt, 0},
		"for good: nothing is to be done":  {config.Idempotent, 59 * time.Minute, -1, Healthy, 0},
		"for good: proof":                  {config.AtMostOnce, 90 * time.Minute, -1, Recovered, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Effect: c.effect, Recover: []config.Step{local}})
			b.until(tick.Add(c.at))
			b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow", Kind: githubtest.Status, Code: 404, Times: c.times})
			b.until(tick.Add(3 * time.Hour))
			if inc := b.want(c.state); b.effects()[kindRun] != c.done {
				t.Errorf("%v: %s", b.effects(), inc.Reason)
			}
		})
	}
}

// The same answer to the look at a workflow that is switched off leaves its
// incident and its watch as they are, until it is there a minute later.
func TestA404AboutADisabledWorkflow(t *testing.T) {
	for _, times := range []int{2, -1} {
		b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		b.toTick("0 6 * * *")
		b.watch()
		if err := b.repo.DisableWorkflow("marketing-sync.yml", byPerson); err != nil {
			t.Fatal(err)
		}
		check := queue.CheckWorkflow{Repo: b.at, Workflow: primaryPath}.Item()
		b.enqueue(check)
		b.work()
		b.want(Exhausted)
		since := b.watched(primaryPath).WatchedSince
		b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow", Kind: githubtest.Status, Code: 404, Times: times})
		b.enqueue(check)
		b.work()
		if w := b.watched(primaryPath); w.WorkflowState != byPerson || w.WatchedSince != since {
			t.Errorf("after one look: state %q, watched since %s instead of %s", w.WorkflowState, w.WatchedSince.Time(), since.Time())
		}
		b.pass(2 * time.Minute)
		want := byPerson
		if times < 0 {
			want = workflowDeleted
		}
		if got := b.watched(primaryPath).WorkflowState; got != want {
			t.Errorf("%d times: %q, want %q", times, got, want)
		}
	}
}

// Looks that are far apart, or a clock that is set back, are no two looks that agree.
func TestUnshownTwiceIsTwoLooksThatAgree(t *testing.T) {
	at := time.UnixMilli(0).Add(24 * time.Hour)
	for name, c := range map[string]struct {
		looks []time.Duration
		gone  bool
	}{
		"one":                       {[]time.Duration{0}, false},
		"too soon":                  {[]time.Duration{0, 59 * time.Second}, false},
		"a minute apart":            {[]time.Duration{0, time.Minute}, true},
		"many too soon, then later": {[]time.Duration{0, time.Second, 2 * time.Second, time.Minute}, true},
		"an hour apart":             {[]time.Duration{0, time.Hour}, true},
		"more than an hour apart":   {[]time.Duration{0, time.Hour + time.Second}, false},
		"the clock was set back":    {[]time.Duration{0, -2 * time.Minute, -time.Minute - time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			u, gone := newDoubts(), false
			for _, d := range c.looks {
				gone = u.again(queue.Repo{ID: 7}, primaryPath, at.Add(d), time.Minute).IsZero()
			}
			if gone != c.gone {
				t.Errorf("believed %v", gone)
			}
			u.shown(queue.Repo{ID: 7}, primaryPath)
			if u.again(queue.Repo{ID: 7}, primaryPath, at.Add(2*time.Hour), time.Minute).IsZero() {
				t.Error("believed by one look after it was shown")
			}
		})
	}
}

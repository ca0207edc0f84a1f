package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

// TestLateNewsOfAFailure: a failure that a later run of the workflow has made
// good is not recovered, whether that run's webhook came or not.
func TestLateNewsOfAFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		age          time.Duration // of the failure when the news comes
		later        string        // event of the later run
		branch, ends string
		seen, up     bool // its webhook came; recovers all the same
	}{
		"later run seen":                 {age: 48 * time.Hour, later: "schedule", ends: "success", seen: true},
		"later run seen, a minute later": {age: time.Minute, later: "schedule", ends: "success", seen: true},
		"later run not seen":             {age: 48 * time.Hour, later: "schedule", ends: "success"},
		"not seen, just beyond an hour":  {age: freshFor + time.Second, later: "schedule", ends: "success"},
		"not seen, at an hour":           {age: freshFor, later: "schedule", ends: "success", up: true},
		"later run failed":               {age: 48 * time.Hour, later: "schedule", ends: "cancelled", up: true},
		"later run of another branch":    {age: 48 * time.Hour, later: "push", branch: "topic", ends: "success", up: true},
		"later run of a pull request":    {age: 48 * time.Hour, later: "pull_request", ends: "success", up: true},
		"no later run":                   {age: 48 * time.Hour, up: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			if _, err := b.repo.Push("topic", map[string]string{"x": "y"}, "topic"); err != nil {
				t.Fatal(err)
			}
			x := b.run(primaryPath, "schedule", "failure") // its webhook is lost
			b.clock.Advance(tc.age)
			if tc.later != "" {
				branch := "main"
				if tc.branch != "" {
					branch = tc.branch
				}
				y, err := b.repo.StartRunAt(primaryPath, tc.later, branch, "octocat")
				if err != nil {
					t.Fatal(err)
				}
				b.end(y, tc.ends)
				if tc.seen {
					b.observe(y.ID)
				}
			}
			b.observe(x.ID)
			if tc.up {
				b.want(Verifying)
				return
			}
			inc := b.want(Healthy)
			if n := b.effects(); len(n) != 0 {
				t.Errorf("effects %v", n)
			}
			if !strings.Contains(string(inc.Evidence), `"conclusion":"success"`) {
				t.Errorf("evidence %s", inc.Evidence)
			}
			if c := b.check(x.HeadSHA); c.Conclusion != "neutral" {
				t.Errorf("check %s", c.Conclusion)
			}
		})
	}
}

// TestLaterRunBetweenTwoSteps: what became pointless after a step failed ends
// before the next one.
func TestLaterRunBetweenTwoSteps(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
	b.fail("failure")
	b.clock.Advance(time.Minute)
	y := b.run(primaryPath, "schedule", "success")
	b.observe(y.ID)
	b.want(Verifying) // what has begun is seen through
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	b.want(Healthy)
	if b.actions.count() != 0 {
		t.Error("the next step ran")
	}
}

// TestLaterRunAndAPerson: who asks for a recovery by hand gets it.
func TestLaterRunAndAPerson(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	inc := b.want(Exhausted)
	b.clock.Advance(2 * freshFor)
	b.run(primaryPath, "schedule", "success") // its webhook is lost
	b.actions.exit["git-sync"] = 0
	if a := b.ask(queue.Recover{IncidentID: inc.ID}); !a.Accepted {
		t.Fatalf("%+v", a)
	}
	b.work()
	b.want(Recovered)
}

// TestHeld: which errors of reads an incident waits for.
func TestHeld(t *testing.T) {
	for want, err := range map[string]error{
		"the repository is not where it was": &runs.ElsewhereError{Repo: queue.Repo{Owner: "a", Name: "b", ID: 1}, Found: 2},
		"":                                   &githubapi.LimitError{},
	} {
		if got := held(err); got != want {
			t.Errorf("%v is held for %q, want %q", err, got, want)
		}
	}
	if got := held(nil); got != "" {
		t.Errorf("no error is held for %q", got)
	}
}

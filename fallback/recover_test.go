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

func (b *bench) ask(r queue.Recover) Answer {
	b.Helper()
	r.Repo, r.Actor = b.at, "octocat"
	a, err := b.engine.Recover(b.ctx, r)
	if err != nil {
		b.Fatal(err)
	}
	b.work()
	return a
}

func TestRecoverTargets(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.configs.c.Workflows = append(b.configs.c.Workflows, config.Workflow{File: ".github/workflows/sync-health.yaml"})
	for target, want := range map[string]string{
		"marketing-sync":          "never run on main",
		"Marketing-Sync.yml":      "never run on main",
		primaryPath:               "never run on main",
		" ./" + primaryPath + " ": "never run on main",
		"sync-health":             "can mean more than one workflow. Say the file: sync-health.yml, sync-health.yaml",
		"sync-health.yaml":        "never run on main",
		"marketing-snyc":          "Did you mean marketing-sync",
		"":                        "Which workflow? Watched here: marketing-sync, sync-health, sync-health",
		strings.Repeat("x", 1e5):  "No watched workflow is called",
	} {
		a := b.ask(queue.Recover{Target: target})
		if a.Accepted || !strings.Contains(a.Message, want) || len(a.Message) > 600 {
			t.Errorf("%.30q: %+v, want %q", target, a, want)
		}
	}
	b.configs.c.Workflows = nil
	if a := b.ask(queue.Recover{}); a.Accepted || !strings.Contains(a.Message, ".github/redundancy.yml") {
		t.Errorf("%+v", a)
	}
}

func TestRecoverLatest(t *testing.T) {
	for conclusion, want := range map[string]string{
		"success": "Nothing to recover: the latest run of marketing-sync on main concluded success", "cancelled": "concluded cancelled", "": "is still queued",
	} {
		t.Run(conclusion, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			b.run(primaryPath, "schedule", "failure")
			b.clock.Advance(time.Minute)
			x, err := b.repo.StartRun(primaryPath, "schedule")
			if err != nil {
				t.Fatal(err)
			}
			if conclusion != "" {
				b.end(x, conclusion)
			}
			a := b.ask(queue.Recover{Target: "marketing-sync"})
			if a.Accepted || !strings.Contains(a.Message, want) || b.incidents() != 0 || len(b.effects()) != 0 {
				t.Errorf("%+v, %d incidents, effects %v", a, b.incidents(), b.effects())
			}
		})
	}
	t.Run("failed", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{event}})
		b.run(primaryPath, "schedule", "failure")
		a := b.ask(queue.Recover{Target: "marketing-sync", Depth: 1})
		inc := b.want(Verifying)
		if !a.Accepted || a.IncidentID != inc.ID || inc.Actor != "octocat" || inc.Depth != 1 {
			t.Errorf("%+v %+v", a, inc)
		}
		if p := string(b.repo.Dispatches()[0].Payload); !strings.Contains(p, `"depth":2`) {
			t.Errorf("payload %s", p)
		}
		// Asked again while it runs: no second one.
		again := b.ask(queue.Recover{Target: "marketing-sync"})
		if !again.Accepted || again.IncidentID != inc.ID || !strings.Contains(again.Message, "Already recovering marketing-sync, incident 1") {
			t.Errorf("%+v", again)
		}
		b.end(b.dispatched()[0], "success")
		b.observe(b.dispatched()[0].ID)
		b.want(Recovered)
		// The failed run is still the latest, and its work is done.
		done := b.ask(queue.Recover{Target: "marketing-sync"})
		if done.Accepted || !strings.Contains(done.Message, "incident 1 of marketing-sync is over") {
			t.Errorf("%+v", done)
		}
		if diff := cmp.Diff(map[string]int{kindRepositoryDispatch: 1}, b.effects()); diff != "" {
			t.Error(diff)
		}
	})
}

// From exhausted the whole ladder is tried again, as it is configured now.
func TestRecoverExhausted(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	x := b.fail("failure")
	first := b.want(Exhausted)
	b.actions.exit["git-sync"] = 0
	b.configs.c.Workflows[0].Recover = []config.Step{remoteHost, local}
	b.enqueue(queue.Recover{Repo: b.at, IncidentID: first.ID, Actor: "octocat", DeliveryID: "click"}.Item())
	b.work()
	inc := b.want(Recovered)
	if diff := cmp.Diff([]string{"run failed", "run skipped", "run succeeded"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	if inc.Steps[2].Epoch <= inc.Steps[0].Epoch || inc.Steps[2].Round != 1 {
		t.Errorf("steps %+v", inc.Steps)
	}
	if c := b.check(x.HeadSHA); c.Conclusion != "success" {
		t.Errorf("check %s", c.Conclusion)
	}
}

// In doubt, a person's word is the next step, not the same one again.
func TestRecoverInDoubt(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
	if _, err := b.repo.StartRunAt(fallbackPath, "workflow_dispatch", "main", "redundancy[bot]"); err != nil {
		t.Fatal(err)
	}
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	b.fail("failure")
	b.want(InDoubt)
	a := b.ask(queue.Recover{})
	if !a.Accepted || !strings.Contains(a.Message, "step 2 of 2") {
		t.Errorf("%+v", a)
	}
	b.want(Recovered)
	if diff := cmp.Diff(map[string]int{kindDispatch: 1, kindRun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// A run that is in doubt because it took too long is read again before a
// person's word goes on: it has ended meanwhile, and no webhook has told.
func TestRecoverReadsTheDoubtAgain(t *testing.T) {
	for name, c := range map[string]struct {
		ends    string // "" is not at all
		want    State
		actions int
	}{
		"it has succeeded":   {"success", Recovered, 0},
		"it has failed":      {"failure", Recovered, 1},
		"it goes on and on":  {"", Recovered, 1},
		"GitHub answers 502": {"success", Recovered, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
			b.fail("failure")
			d := b.dispatched()[0]
			if err := d.Progress(); err != nil {
				t.Fatal(err)
			}
			b.pass(b.engine.StepDeadline + time.Minute)
			inc := b.want(InDoubt)
			if c.ends != "" {
				b.end(d, c.ends)
			}
			if c.actions == 1 && c.ends == "success" {
				b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 502, Times: -1})
			}
			a := b.ask(queue.Recover{IncidentID: inc.ID, Actor: "mona"})
			b.gh.ClearFaults()
			b.pass(time.Hour)
			if inc = b.want(c.want); b.actions.count() != c.actions {
				t.Errorf("%s: %s; asked: %+v; %d actions", inc.State, inc.Reason, a, b.actions.count())
			}
		})
	}
}

// The same delivery handled twice is one request, with one answer.
func TestRecoverIsIdempotent(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	b.want(Exhausted)
	first := b.ask(queue.Recover{Target: "marketing-sync", DeliveryID: "one"})
	b.want(Exhausted)
	second := b.ask(queue.Recover{Target: "marketing-sync", DeliveryID: "one"})
	if diff := cmp.Diff(first, second); diff != "" || !first.Accepted {
		t.Error(first, diff)
	}
	if n := b.actions.count(); n != 2 {
		t.Errorf("ran %d times, want 2", n)
	}
	b.ask(queue.Recover{Target: "marketing-sync", DeliveryID: "two"})
	if n := b.actions.count(); n != 3 {
		t.Errorf("ran %d times, want 3", n)
	}
}

func TestRecoverRefuses(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event, dispatch, local}})
	b.run(primaryPath, "schedule", "failure")
	if a := b.ask(queue.Recover{Target: "marketing-sync", Depth: MaxDepth}); a.Accepted || b.incidents() != 0 {
		t.Errorf("a chain goes on: %+v", a)
	}
	if a := b.ask(queue.Recover{IncidentID: 77}); a.Accepted || !strings.Contains(a.Message, "no incident 77") {
		t.Errorf("%+v", a)
	}
	// An incident of another repository is not this repository's business.
	b.ask(queue.Recover{Target: "marketing-sync"})
	a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: queue.Repo{InstallationID: b.at.InstallationID, ID: 1, Owner: "x", Name: "y"}, IncidentID: b.only().ID})
	if err != nil || a.Accepted || !strings.Contains(a.Message, "no incident") {
		t.Errorf("%+v %v", a, err)
	}
}

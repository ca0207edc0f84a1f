package fallback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// newPushBench watches a workflow whose trigger is a push, and that pushes
// have started before.
func newPushBench(t *testing.T, on string, flow config.Workflow) *bench {
	t.Helper()
	b := newBench(t, flow)
	facts, err := config.ReadWorkflow(primaryPath, []byte("on: "+on+"\n"+plainJobs))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	w := store.Watch{RepoID: b.at.ID, WorkflowPath: primaryPath, InstallationID: b.at.InstallationID, Facts: string(raw), Flow: "{}"}
	if err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return tx.SaveWatch(ctx, &w) }); err != nil {
		t.Fatal(err)
	}
	b.run(primaryPath, "push", "success")
	b.clock.Advance(time.Hour)
	return b
}

// pushMain changes the default branch and tells the engine of it.
func (b *bench) pushMain(message string) string {
	b.Helper()
	sha, err := b.repo.Push("main", map[string]string{"src/" + message: b.clock.Now().String()}, message)
	if err != nil {
		b.Fatal(err)
	}
	b.enqueue(queue.ExpectRun{Repo: b.at, Branch: "main", SHA: sha}.Item())
	b.work()
	return sha
}

func (b *bench) startPushed() *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(primaryPath, "push")
	if err != nil {
		b.Fatal(err)
	}
	return x
}

func TestAbsentPush(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}})
	sha := b.pushMain("feature")
	b.pass(10*time.Minute - time.Second)
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents", n)
	}
	b.pass(time.Second)
	b.want(Suspected)
	b.pass(time.Minute - time.Second)
	b.want(Suspected)
	b.pass(2 * time.Second)
	inc := b.want(Verifying)
	if diff := cmp.Diff([]string{"rerun skipped", "dispatch started"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	if inc.Signal != Absent || inc.HeadSHA != sha {
		t.Errorf("signal %s, commit %s", inc.Signal, inc.HeadSHA)
	}
	if c := b.check(sha); c.Status != "in_progress" {
		t.Errorf("check %s", c.Status)
	}
	child := b.dispatched()[0]
	b.end(child, "success")
	b.observe(child.ID)
	b.want(Recovered)

	late := b.startPushed()
	b.observe(late.ID)
	b.want(Recovered)
	b.step(late, "Deploy")
	b.observe(late.ID)
	b.end(late, "failure")
	b.observe(late.ID)
	if inc := b.want(Recovered); timelineSays(inc, "duplicate possible") != 1 || inc.Late != latePrimaryDuplicate {
		t.Errorf("late primary %q", inc.Late)
	}
}

// While the recovery is under way the run comes, and succeeds.
func TestRunOfAPushComesWhileItIsRecovered(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.pushMain("feature")
	b.pass(12 * time.Minute)
	b.want(Verifying)
	late := b.startPushed()
	b.observe(late.ID)
	b.end(late, "success")
	b.observe(late.ID)
	inc := b.want(Superseded)
	if inc.Late != latePrimaryDuplicate {
		t.Errorf("late primary %q", inc.Late)
	}
}

func TestRunOfAPushComesLate(t *testing.T) {
	for name, tc := range map[string]struct {
		after      time.Duration
		conclusion string
		heard      bool
		effect     config.Effect
		want       State
	}{
		"in time, unheard":             {9 * time.Minute, "success", false, config.Idempotent, ""},
		"in time and failed, unheard":  {9 * time.Minute, "failure", false, config.Idempotent, Verifying},
		"while suspected":              {10*time.Minute + 30*time.Second, "success", false, config.Idempotent, Healthy},
		"while suspected, heard":       {10*time.Minute + 30*time.Second, "success", true, config.Idempotent, Healthy},
		"and failed":                   {10*time.Minute + 30*time.Second, "failure", false, config.Idempotent, Verifying},
		"and failed, heard":            {10*time.Minute + 30*time.Second, "failure", true, config.Idempotent, Verifying},
		"while a person has to decide": {time.Hour, "success", true, config.AtMostOnce, Superseded},
		"and failed then":              {time.Hour, "failure", true, config.AtMostOnce, Verifying},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPushBench(t, "push", config.Workflow{Effect: tc.effect, Recover: []config.Step{dispatch}})
			b.pushMain("feature")
			b.pass(tc.after)
			if tc.effect == config.AtMostOnce {
				b.want(InDoubt)
			}
			x := b.startPushed()
			b.end(x, tc.conclusion)
			if tc.heard {
				b.observe(x.ID, x.ID)
			}
			b.pass(5 * time.Minute)
			if tc.want == "" {
				if n := b.incidents(); n != 0 {
					t.Errorf("%d incidents", n)
				}
				return
			}
			b.want(tc.want)
			if n := b.effects()[kindDispatch]; n != 0 && tc.want != Verifying || n != 1 && tc.want == Verifying {
				t.Errorf("%d dispatches", n)
			}
		})
	}
}

// The run comes while suspected, all is well, and it fails an hour later: the
// same incident.
func TestLateRunOfAPushFailsLater(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Recover: []config.Step{dispatch}})
	b.pushMain("feature")
	b.pass(10*time.Minute + 30*time.Second)
	x := b.startPushed()
	b.pass(time.Minute)
	b.want(Healthy)
	b.step(x, "Deploy")
	b.pass(4 * time.Minute)
	b.end(x, "failure")
	b.observe(x.ID)
	b.want(Verifying)
}

func TestNewerPushTakesItsPlace(t *testing.T) {
	t.Run("while suspected", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Recover: []config.Step{dispatch}})
		b.pushMain("one")
		b.pass(10*time.Minute + 30*time.Second)
		b.want(Suspected)
		b.pushMain("two")
		b.startPushed()
		b.pass(time.Minute)
		b.want(Superseded)
	})
	t.Run("while a person has to decide", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Recover: []config.Step{dispatch}})
		b.pushMain("one")
		b.pass(20 * time.Minute)
		b.want(InDoubt)
		b.pushMain("two")
		b.end(b.startPushed(), "success")
		b.pass(time.Hour)
		b.want(Superseded)
		if len(b.effects()) != 0 {
			t.Error(b.effects())
		}
	})
	t.Run("before anybody looks", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Recover: []config.Step{dispatch}})
		b.pushMain("one")
		b.pass(5 * time.Minute)
		b.pushMain("two")
		b.end(b.startPushed(), "success")
		b.pass(20 * time.Minute)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
}

// Where no run is missing, none is suspected.
func TestPushThatStartsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		on      string
		prepare func(*bench)
	}{
		"no trigger":             {"{schedule: [{cron: '0 6 * * *'}]}", nil},
		"another branch":         {"{push: {branches: [release]}}", nil},
		"paths":                  {"{push: {paths: ['docs/**']}}", nil},
		"not watched":            {"push", func(b *bench) { b.configs.c.Workflows = nil }},
		"configuration not read": {"push", func(b *bench) { b.configs.known = false }},
		"switched off": {"push", func(b *bench) {
			if err := b.repo.DisableWorkflow("marketing-sync.yml", "disabled_manually"); err != nil {
				b.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPushBench(t, tc.on, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			if tc.prepare != nil {
				tc.prepare(b)
			}
			b.pushMain("feature")
			b.pass(time.Hour)
			if len(b.effects()) != 0 || b.gh.Count("checks/create") != 0 {
				t.Errorf("effects %v, %d checks", b.effects(), b.gh.Count("checks/create"))
			}
			if n := b.incidents(); n != 0 && name != "switched off" {
				t.Errorf("%d incidents", n)
			} else if n == 1 {
				b.want(Healthy)
			}
		})
	}
}

// With Actions switched off no push has ever started anything.
func TestPushWhereNoneHasEverStartedARun(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	if _, err := b.repo.Push("dev", map[string]string{"x": "y"}, "x"); err != nil {
		t.Fatal(err)
	}
	sha := b.repo.Head("dev")
	b.enqueue(queue.ExpectRun{Repo: b.at, Branch: "dev", SHA: sha}.Item())
	b.pass(20 * time.Minute)
	if inc := b.want(Healthy); inc.Confirmed != nil || len(b.effects()) != 0 {
		t.Errorf("confirmed %v, effects %v", inc.Confirmed, b.effects())
	}
}

// No answer is no verdict.
func TestNoVerdictWithoutAnAnswer(t *testing.T) {
	b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.pushMain("feature")
	b.pass(10*time.Minute + 30*time.Second)
	b.want(Suspected)
	b.gh.Fault(githubtest.Fault{Operation: "actions/list-workflow-runs", Kind: githubtest.Status, Code: 502, Times: 3})
	b.pass(31 * time.Second)
	if inc := b.want(Suspected); inc.Confirmed != nil {
		t.Error("believed without an answer")
	}
	b.pass(10 * time.Minute)
	b.want(Verifying)
}

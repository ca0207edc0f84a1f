package fallback

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// listed is what a sync of the installation writes.
func (b *bench) listed(name string) {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{
			ID: b.repo.ID, InstallationID: b.at.InstallationID, Owner: "acme", Name: name, DefaultBranch: "main", SeenAt: 1,
		}})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// replaced renames the repository and gives its name to another one that has
// all the same files.
func (b *bench) replaced() *githubtest.Repo {
	b.Helper()
	b.repo.Rename("moved")
	other, err := b.gh.AddRepo("acme", "other", workflows)
	if err != nil {
		b.Fatal(err)
	}
	other.Rename("site")
	return other
}

// first works off the first job alone.
func (b *bench) first() {
	b.Helper()
	job, ok := b.queue.take()
	if !ok {
		b.Fatal("no job is due")
	}
	if err := b.engine.Workers()[job.Kind].Work(b.ctx, job); err != nil {
		b.Fatal(err)
	}
}

// sought says whether the work that is due asks for a sync of the installation.
func (b *bench) sought() bool {
	b.Helper()
	asked := false
	b.workWith(func() {
		b.engine.actions.wg.Wait()
		b.queue.mu.Lock()
		defer b.queue.mu.Unlock()
		for _, j := range b.queue.jobs {
			asked = asked || j.Kind == queue.SyncInstallation{}.Kind()
		}
	})
	return asked
}

func wantUntouched(t *testing.T, other *githubtest.Repo, sha string) {
	t.Helper()
	if n := len(other.Runs()) + len(other.Dispatches()) + len(other.CheckRuns(sha)); n != 0 {
		t.Errorf("%d things were done to a repository that only has the name", n)
	}
}

// TestNameTakenByAnother: whatever the record says, nothing is done to another
// repository, and the work goes on once the new name is known.
func TestNameTakenByAnother(t *testing.T) {
	for name, step := range map[string]config.Step{"dispatch": dispatch, "repository_dispatch": event, "rerun": rerun, "run": local} {
		t.Run("before "+name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{step}})
			b.listed("site")
			x := b.run(primaryPath, "schedule", "failure")
			b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
			b.first()
			other := b.replaced()
			if !b.sought() {
				t.Error("nobody was asked where the repository is")
			}
			if inc := b.want(Failing); !strings.HasPrefix(inc.Reason, "the repository is not where it was") {
				t.Errorf("reason %q", inc.Reason)
			}
			if n := b.effects(); len(n) != 0 {
				t.Fatalf("effects %v", n)
			}
			wantUntouched(t, other, x.HeadSHA)
			b.listed("moved")
			b.pass(pollMin + time.Second)
			if n := b.effects(); n[keyOf(step)] != 1 {
				t.Errorf("effects %v, want one", n)
			}
			wantUntouched(t, other, x.HeadSHA)
			if c := b.check(x.HeadSHA); c.Name == "" {
				t.Error("the repository that failed shows nothing")
			}
		})
	}
	t.Run("before the answer to an intent", func(t *testing.T) {
		b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		b.listed("site")
		b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
		b.gh.SetDispatchLag(30 * time.Second)
		x := b.fail("failure")
		other := b.replaced()
		b.pass(time.Hour) // far longer than it takes to believe that no run appeared
		wantUntouched(t, other, x.HeadSHA)
		b.listed("moved")
		if err := b.dispatched()[0].Progress(); err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Hour)
		b.want(Verifying)
		if n := b.effects()[kindDispatch]; n != 1 {
			t.Errorf("%d dispatches, want 1", n)
		}
	})
	t.Run("before the evidence", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		b.listed("site")
		x := b.fail("failure")
		other := b.replaced()
		b.pass(time.Hour)
		b.want(Verifying)
		wantUntouched(t, other, x.HeadSHA)
		b.end(b.dispatched()[0], "success")
		b.listed("moved")
		b.pass(2 * time.Hour)
		b.want(Recovered)
	})
	t.Run("before the run is observed", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		b.listed("site")
		x := b.run(primaryPath, "schedule", "failure")
		other := b.replaced()
		b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
		b.listed("moved") // by another webhook, while the job waited
		b.work()
		b.want(Verifying)
		wantUntouched(t, other, x.HeadSHA)
	})
}

// TestAskedUnderAnOldName: a request that carries a former name finds the
// repository, or nothing, but never another one.
func TestAskedUnderAnOldName(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.listed("site")
	x := b.run(primaryPath, "schedule", "failure")
	other := b.replaced()
	y, err := other.StartRun(primaryPath, "schedule")
	if err != nil {
		t.Fatal(err)
	}
	b.end(y, "failure")
	if a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, Target: "marketing-sync", Actor: "octocat"}); err == nil || a.Accepted || b.incidents() != 0 {
		t.Errorf("%+v, %v with %d incidents: want an error", a, err, b.incidents())
	}
	if !b.sought() {
		t.Error("nobody was asked where the repository is")
	}
	b.listed("moved")
	if a := b.ask(queue.Recover{Target: "marketing-sync"}); !a.Accepted {
		t.Fatalf("%+v", a)
	}
	b.work()
	if inc := b.want(Verifying); inc.Run != x.ID || len(other.Runs()) != 1 {
		t.Errorf("run %d, want %d; %d runs in the other repository", inc.Run, x.ID, len(other.Runs()))
	}
}

// TestRenamedAndRedirected: GitHub redirects reads; writes go to the new name.
func TestRenamedAndRedirected(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.listed("site")
	x := b.run(primaryPath, "schedule", "failure")
	b.repo.Rename("moved")
	b.observe(x.ID)
	b.want(Verifying)
	now, _, err := b.store.Repository(b.ctx, b.repo.ID)
	if err != nil || now.Name != "moved" {
		t.Errorf("known as %q (%v), want moved", now.Name, err)
	}
}

// keyOf is the step's kind.
func keyOf(c config.Step) string {
	s, err := (&scope{flow: config.Workflow{Recover: []config.Step{c}}}).rung(0)
	if err != nil {
		return ""
	}
	return s.kind()
}

// TestOneAnswerIsNotBelieved: a single 404 for the run proves nothing.
func TestOneAnswerIsNotBelieved(t *testing.T) {
	begin := func(t *testing.T, times int) (*bench, *githubtest.Run) {
		b := newBench(t, config.Workflow{Recover: []config.Step{local}})
		x := b.run(primaryPath, "schedule", "failure")
		b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 404, Skip: 1, Times: times})
		b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
		b.first()
		return b, x
	}
	for name, times := range map[string]int{"once": 1, "twice": 2, "for a moment": 3} {
		t.Run(name+", and somebody has re-run it", func(t *testing.T) {
			b, x := begin(t, times)
			b.again(x)
			b.work()
			for range times {
				b.pass(settleRead / 2)
			}
			if n := b.effects(); len(n) != 0 {
				t.Errorf("effects %v although the run is under way", n)
			}
			b.end(x, "success")
			b.observe(x.ID)
			b.want(Superseded)
		})
	}
	t.Run("for good", func(t *testing.T) {
		b, _ := begin(t, -1)
		b.pass(settleRead - time.Second)
		if n := b.effects(); len(n) != 0 {
			t.Fatalf("effects %v before it can be believed", n)
		}
		b.pass(2 * time.Second)
		b.want(Recovered) // the run was deleted; its failure is on record
	})
	t.Run("and the repository is gone, too", func(t *testing.T) {
		b, _ := begin(t, -1)
		b.gh.Fault(githubtest.Fault{Operation: "repos/get", Kind: githubtest.Status, Code: 404, Times: -1})
		b.pass(maxSought)
		b.want(Failing)
		if n := b.effects(); len(n) != 0 {
			t.Errorf("effects %v", n)
		}
	})
}

// TestRefusedForAWhile: a refusal is shown once, asked about at growing
// intervals, and forgotten when it is over.
func TestRefusedForAWhile(t *testing.T) {
	for name, tc := range map[string]struct {
		times  int
		within time.Duration
	}{"once": {1, 2 * pollMin}, "for hours": {12, 8 * time.Hour}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run", Kind: githubtest.Status, Code: 403, Skip: 1, Times: tc.times})
			b.fail("failure")
			if inc := b.want(Failing); !strings.HasPrefix(inc.Reason, "GitHub refuses to answer") {
				t.Errorf("reason %q", inc.Reason)
			}
			b.pass(tc.within)
			inc := b.want(Recovered)
			notes := 0
			for _, e := range inc.Timeline {
				if strings.HasPrefix(e.Reason, "GitHub refuses to answer") {
					notes++
				}
			}
			if notes != 1 || len(b.queue.dead) != 0 {
				t.Errorf("%d lines of the timeline about it, dead letters %v; want 1 and none", notes, b.queue.dead)
			}
		})
	}
}

// TestUnknownLogin: as long as we do not know who we are, no bot's run is ours.
func TestUnknownLogin(t *testing.T) {
	for name, step := range map[string]config.Step{"dispatch": dispatch, "repository_dispatch": event} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{step}})
			b.gh.Fault(githubtest.Fault{Operation: operation[keyOf(step)], Kind: githubtest.Reset, AfterEffect: true})
			login := ""
			b.engine.BotLogin = func() string { return login }
			path := map[string]string{kindDispatch: fallbackPath, kindRepositoryDispatch: eventPath}[keyOf(step)]
			x := b.run(primaryPath, "schedule", "failure")
			// Another App starts the same workflow for reasons of its own.
			other, err := b.repo.StartRunAt(path, strings.Replace(keyOf(step), "dispatch", "workflow_dispatch", 1), "main", "renovate[bot]")
			if keyOf(step) == kindRepositoryDispatch {
				other, err = b.repo.StartRunAt(path, kindRepositoryDispatch, "main", "renovate[bot]")
			}
			if err != nil {
				t.Fatal(err)
			}
			b.observe(x.ID)
			b.end(other, "success")
			b.observe(other.ID)
			b.pass(time.Minute)
			b.want(Recovering)
			login = "redundancy[bot]"
			b.pass(3 * time.Minute)
			inc := b.want(Verifying)
			if mine := b.dispatched(); len(mine) != 1 || inc.Steps[0].Run != mine[0].ID {
				t.Errorf("follows run %d, not its own", inc.Steps[0].Run)
			}
		})
	}
}

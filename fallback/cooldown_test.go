package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// failAs is a failed run of the primary whose job says a line.
func (b *bench) failAs(line string) Incident {
	b.Helper()
	b.fail("failure", saying(line))
	return b.newest()
}

// A failure that comes back after its recovery waits, passes over what has
// "worked", and is given up when that has not lasted either.
func TestRecoverLoop(t *testing.T) {
	other := config.Step{Run: &config.Run{Host: config.LocalHost, Action: "other", Timeout: config.Duration(time.Minute)}}
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local, other}})
	first := b.failAs("Error: token 17 has expired")
	b.wantState(first, Recovered)
	if first.ErrorLine != "Error: token 17 has expired" || first.Signature == "" || first.Loops != 0 {
		t.Errorf("%+v", first)
	}

	b.clock.Advance(5 * time.Minute)
	second := b.failAs("Error: token 18 has expired")
	b.wantState(second, Suppressed)
	if second.Signature != first.Signature || second.Loops != 1 || second.NotBefore == nil || !second.NotBefore.Equal(first.SettledAt.Add(coolDown)) {
		t.Errorf("%+v, want it held until half an hour after %s", second, first.SettledAt)
	}
	b.pass(25*time.Minute - time.Second)
	b.wantState(b.incident(second.ID), Suppressed)
	b.pass(time.Second)
	second = b.incident(second.ID)
	b.wantState(second, Recovered)
	if diff := cmp.Diff([]string{"run skipped", "run succeeded"}, steps(second)); diff != "" {
		t.Error(diff)
	}
	if want := "it recovered incident 1, and the same failure came back 5m0s later"; second.Steps[0].Reason != want {
		t.Errorf("%q, want %q", second.Steps[0].Reason, want)
	}

	b.clock.Advance(coolDown - time.Millisecond)
	third := b.failAs("Error: token 19 has expired")
	b.wantState(third, Exhausted)
	if !strings.HasPrefix(third.Reason, "recover_loop: ") || third.Loops != 2 || len(third.Steps) != 0 {
		t.Errorf("%+v", third)
	}
	if n := b.actions.count(); n != 2 {
		t.Errorf("%d actions", n)
	}
	// A person is stronger.
	if a := b.ask(queue.Recover{IncidentID: third.ID}); !a.Accepted {
		t.Errorf("%+v", a)
	}
	b.wantState(b.incident(third.ID), Recovered)
}

func TestCoolDownIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		line  string
		want  State
	}{
		"just within":            {coolDown - time.Millisecond, "Error: x", Suppressed},
		"just over":              {coolDown, "Error: x", Recovered},
		"another failure":        {time.Second, "Error: y", Recovered},
		"not after the recovery": {0, "Error: x", Recovered},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			b.failAs("Error: x")
			b.clock.Advance(c.after)
			b.wantState(b.failAs(c.line), c.want)
		})
	}
	for name, pause := range map[string]time.Duration{"no pause": 0, "after five days of a pause": 5 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
			b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
			first := b.failAs("Error: x")
			b.pass(pause)
			b.resume(ResumeRequest{Repo: b.at, Actor: "alice"})
			b.wantState(b.incident(first.ID), Recovered)
			b.clock.Advance(coolDown)
			b.wantState(b.failAs("Error: x"), Recovered)
		})
	}
	for name, c := range map[string]struct{ took, held time.Duration }{"25 minutes of work": {25 * time.Minute, 50 * time.Minute}, "four hours of work": {4 * time.Hour, maxCoolDown}} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.failAs("Error: x")
			if err := b.dispatched()[0].Progress(); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(c.took)
			b.fallbackWorked()
			first := b.want(Recovered)
			b.clock.Advance(time.Minute)
			if second := b.failAs("Error: x"); second.NotBefore == nil || !second.NotBefore.Equal(first.SettledAt.Add(c.held)) {
				t.Errorf("%s until %v, want %s after %v", second.State, second.NotBefore, c.held, first.SettledAt)
			}
		})
	}
	t.Run("another workflow", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{local}})
		b.configs.c.Workflows[1].Recover = []config.Step{local}
		b.failAs("Error: x")
		b.clock.Advance(time.Minute)
		b.observe(b.run(otherPath, "push", "failure", saying("Error: x")).ID)
		b.wantState(b.of(otherPath), Recovered)
	})
	t.Run("what was not recovered by us", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		x := b.fail("failure", saying("Error: x"))
		if err := x.Rerun("octocat"); err != nil {
			t.Fatal(err)
		}
		b.end(x, "success")
		b.observe(x.ID)
		b.want(Superseded)
		b.configs.c.Workflows[0].Recover = []config.Step{local}
		b.clock.Advance(time.Minute)
		b.wantState(b.failAs("Error: x"), Recovered)
	})
}

// What is given back by a gate is not kept by the breaker: the next incident
// becomes its probe.
func TestProbeInCoolDown(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}, Breaker: config.Breaker{Failures: 1, Cooldown: config.Duration(time.Minute)}})
	b.failAs("Error: x")
	b.clock.Advance(time.Second)
	b.actions.exit["git-sync"] = 1
	b.wantState(b.failAs("Error: y"), Exhausted) // opens the breaker
	b.actions.exit["git-sync"] = 0
	b.clock.Advance(2 * time.Minute)
	held := b.failAs("Error: x")
	b.wantState(held, Suppressed)
	if held.Loops != 1 {
		t.Errorf("held by something else: %s", held.Reason)
	}
	b.wantState(b.failAs("Error: z"), Recovered)
}

// Tries of one step are spread out; the pause is drawn once and survives what
// happens meanwhile.
func TestBackoffBetweenTries(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 3}}, local}})
	b.jitter = 20 * time.Second
	x := b.fail("failure")
	if x.Attempt() != 2 {
		t.Fatal("the first try is made at once")
	}
	b.end(x, "failure")
	b.observe(x.ID)
	b.jitter = time.Hour // drawn no more
	b.restart()
	for range 3 {
		b.observe(x.ID)
	}
	inc := b.want(Recovering)
	if x.Attempt() != 2 || inc.NotBefore == nil || inc.NotBefore.Sub(b.clock.Now()) != 20*time.Second {
		t.Fatalf("attempt %d, not before %v", x.Attempt(), inc.NotBefore)
	}
	b.pass(20*time.Second - time.Millisecond)
	if x.Attempt() != 2 {
		t.Fatal("too early")
	}
	b.pass(time.Millisecond)
	if x.Attempt() != 3 {
		t.Fatal("not tried again")
	}
	b.end(x, "failure")
	b.observe(x.ID)
	if inc := b.want(Recovering); inc.NotBefore.Sub(b.clock.Now()) != 30*time.Minute { // the most that there is
		t.Errorf("not before %v", inc.NotBefore)
	}
	b.pass(30 * time.Minute)
	b.jitter = time.Minute
	b.end(x, "failure")
	b.observe(x.ID)
	if inc := b.want(Recovered); inc.NotBefore != nil { // the next step is no repetition
		t.Errorf("not before %v", inc.NotBefore)
	}
}

func TestRandomly(t *testing.T) {
	for _, limit := range []time.Duration{-1, 0, 1, time.Second} {
		for range 100 {
			if d := randomly(limit); d < 0 || d > max(limit, 0) {
				t.Fatalf("%s of %s", d, limit)
			}
		}
	}
}

// watch enrols the primary.
func (b *bench) watchPrimary() {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		return tx.SaveWatch(ctx, &store.Watch{RepoID: b.repo.ID, WorkflowPath: primaryPath, InstallationID: b.at.InstallationID, Facts: "{}", Flow: "{}"})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// flap lets the primary end n times, with a failure first, then changing its mind each time.
func (b *bench) flap(n int) {
	b.Helper()
	for i := range n {
		conclusion := []string{"failure", "success"}[i%2]
		b.observe(b.run(primaryPath, "push", conclusion, githubtest.Job{Name: "build"}).ID)
		b.clock.Advance(2 * time.Hour) // beyond what is cooled down or counted by the hour
	}
}

func TestFlappingWorkflow(t *testing.T) {
	effects := []config.Effect{config.AtMostOnce, config.Idempotent, config.Guarded}
	if underRace {
		effects = effects[:2]
	}
	for _, effect := range effects {
		t.Run(string(effect), func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{local}})
			b.watchPrimary()
			b.flap(8)
			b.observe(b.run(primaryPath, "push", "failure").ID) // the ninth result: 46 %
			b.wantState(b.newest(), Recovered)
			b.clock.Advance(2 * time.Hour)
			b.observe(b.run(primaryPath, "push", "success").ID)
			b.clock.Advance(2 * time.Hour)
			b.observe(b.run(primaryPath, "push", "failure").ID) // the eleventh: above 50 %
			held := b.newest()
			if effect == config.Idempotent {
				b.wantState(held, Recovered)
				return
			}
			b.wantState(held, Suppressed)
			if !strings.HasPrefix(held.Reason, "the workflow is flapping: its last 11 results changed by 57 %") {
				t.Errorf("%q", held.Reason)
			}
			if w, _, err := store.ReadWatch(b.ctx, b.store.Read(), b.repo.ID, primaryPath); err != nil || !w.Flapping {
				t.Errorf("not remembered: %+v %v", w, err)
			}
			// It stays so between the thresholds, and ends below the lower one.
			n := 0
			for b.flapping() {
				if n++; n > 21 {
					t.Fatal("it does not end")
				}
				b.clock.Advance(2 * time.Hour)
				b.observe(b.run(primaryPath, "push", "failure").ID)
				if b.flapping() {
					b.wantState(b.newest(), Suppressed)
				}
			}
			if n < 5 {
				t.Errorf("ended after %d equal results", n)
			}
			b.pass(3 * begunWithin) // six an hour
			b.wantState(b.newest(), Recovered)
			list, err := b.engine.Incidents(b.ctx, Filter{States: []State{Suppressed}})
			if err != nil || len(list) != 0 {
				t.Errorf("%d are still held: %v", len(list), err)
			}
		})
	}
}

func (b *bench) flapping() bool {
	b.Helper()
	w, ok, err := store.ReadWatch(b.ctx, b.store.Read(), b.repo.ID, primaryPath)
	if err != nil || !ok {
		b.Fatal(ok, err)
	}
	return w.Flapping
}

// A success ends what flapping holds back, as it ends everything.
func TestSuccessWhileFlapping(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.watchPrimary()
	b.flap(10)
	b.observe(b.run(primaryPath, "push", "failure").ID)
	held := b.newest()
	b.wantState(held, Suppressed)
	b.clock.Advance(time.Minute)
	b.observe(b.run(primaryPath, "push", "success").ID)
	b.wantState(b.incident(held.ID), Healthy)
}

// What our own steps achieve is no change of mind of the workflow.
func TestRecoveriesAreNoResults(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	for i := range 12 {
		x := b.fail("failure", failing(i))
		b.end(x, "success")
		b.observe(x.ID)
		b.wantState(b.newest(), Recovered)
		b.clock.Advance(25 * time.Hour) // re-runs have a budget per day
	}
	results, err := store.Results(b.ctx, b.store.Read(), b.repo.ID, primaryPath, "main", 21)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(make([]bool, 12), results); diff != "" {
		t.Error(diff)
	}
}

func TestClassifyByLog(t *testing.T) {
	for name, c := range map[string]struct {
		line, want string
		cause      config.RerunCause
	}{
		"code":    {"Error: LinkedIn answered 403", "Error: LinkedIn answered 403", config.Code},
		"network": {"npm ERR! code ECONNRESET", "npm ERR! code ECONNRESET", config.Infrastructure},
		"limit":   {"Error: API rate limit exceeded for installation ID 7.", "Error: API rate limit exceeded for installation ID 7.", config.Infrastructure},
		"hostile": {"\x1b[31mError: \u202e@everyone token=hunter2hunter2\x1b]0;owned\x07 `x`", "Error: @everyone token=*** `x`", config.Code},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			inc := b.failAs(c.line)
			if inc.ErrorLine != c.want || inc.Cause != string(c.cause) {
				t.Errorf("%q, %s", inc.ErrorLine, inc.Cause)
			}
			if s := b.check(b.repo.Head("main")).Summary; !strings.Contains(s, "First error: ") || strings.Contains(s, "hunter2") || strings.ContainsAny(s, "\x1b\u202e") {
				t.Errorf("the check run says %q", s)
			}
		})
	}
}

// A log that cannot be had holds nothing up; what GitHub wants waited for does.
func TestLogCannotBeRead(t *testing.T) {
	const op = "actions/download-job-logs-for-workflow-run"
	for name, c := range map[string]struct {
		fault githubtest.Fault
		times int
		line  string
		calls int
	}{
		"once":       {githubtest.Fault{Operation: op, Kind: githubtest.Status, Code: 500}, 1, "Error: x", 2},
		"every time": {githubtest.Fault{Operation: op, Kind: githubtest.Status, Code: 500}, 2, "", 2},
		"forbidden":  {githubtest.Fault{Operation: op, Kind: githubtest.Status, Code: 403}, 2, "", 2},
		"a limit":    {githubtest.Fault{Operation: op, Kind: githubtest.Primary, RetryAfter: time.Minute}, 1, "Error: x", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			for range c.times {
				b.gh.Fault(c.fault)
			}
			b.fail("failure", saying("Error: x"))
			b.pass(2 * time.Minute)
			if inc := b.want(Recovered); inc.ErrorLine != c.line || inc.Cause != "code" {
				t.Errorf("%q, %s", inc.ErrorLine, inc.Cause)
			}
			n := 0
			for _, call := range b.gh.Calls() {
				if call.Operation == op {
					n++
				}
			}
			if n != c.calls {
				t.Errorf("asked %d times, want %d", n, c.calls)
			}
		})
	}
}

// No token goes to the storage of logs; the double refuses one, and counts it.
func TestLogsAreFetchedWithoutToken(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	if inc := b.failAs("Error: x"); inc.ErrorLine == "" {
		t.Error("not fetched")
	}
	var _ Logs = (*githubapi.Clients)(nil)
}

// A workflow with a record of ending both ways on one commit is called flaky.
func TestFlakyByRecord(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		at := store.MillisOf(b.clock.Now().Add(-24 * time.Hour))
		for i := range 10 {
			for j, conclusion := range []string{"success", "failure"} {
				if j == 1 && i >= 2 { // two commits of ten ended both ways
					continue
				}
				_, err := tx.SaveRun(ctx, store.WorkflowRun{
					RepoID: b.repo.ID, RunID: int64(10*i + j + 1), Attempt: 1, WorkflowPath: primaryPath, Event: "push", HeadBranch: "main",
					HeadSHA: word(i), Status: "completed", Conclusion: conclusion, CreatedAt: at, UpdatedAt: at, ObservedAt: at,
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if inc := b.failAs("Error: x"); inc.Cause != string(config.Flaky) {
		t.Errorf("cause %s", inc.Cause)
	}
}

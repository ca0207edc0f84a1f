package fallback

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Two incidents want to dispatch one workflow, and the first answer is lost:
// the second waits until it is clear which run is whose.
func TestDispatchesOfOneTargetDoNotMix(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.gh.SetDispatchLag(30 * time.Second)
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	first := b.run(primaryPath, "schedule", "failure")
	second := b.run(primaryPath, "push", "failure")
	b.observe(first.ID, second.ID)
	if n := b.gh.Count(operation[kindDispatch]); n != 1 {
		t.Fatalf("%d requests, want 1 while the first one's outcome is unknown", n)
	}
	b.pass(2 * time.Minute)
	children := b.dispatched()
	if len(children) != 2 {
		t.Fatalf("%d children", len(children))
	}
	for i, x := range []*githubtest.Run{first, second} {
		list, err := store.Incidents(b.ctx, b.store.Read(), store.IncidentFilter{RunID: x.ID})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if inc := b.incident(list[0].ID); inc.State != Verifying || inc.Steps[0].Run != children[i].ID {
			t.Errorf("incident %d is %s and follows %d, want %d", inc.ID, inc.State, inc.Steps[0].Run, children[i].ID)
		}
	}
}

// A run that another step started is no candidate, however well it fits.
func TestAdoptedRunsAreNoCandidates(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.fail("failure")
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	b.fail("failure")
	children := b.dispatched()
	if len(children) != 2 {
		t.Fatalf("%d children", len(children))
	}
	if inc := b.newest(); inc.State != Verifying || b.incident(inc.ID).Steps[0].Run != children[1].ID {
		t.Errorf("%s: %s", inc.State, inc.Reason)
	}
}

// A fallback that declares them gets the claim and the incident; with the
// claim in its title it is found among others.
func TestDeclaredInputs(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	declared := "name: Fallback\non: {workflow_dispatch: {inputs: {reason: {}, redundancy_claim: {}, redundancy_incident: {}}}}\n" + plainJobs
	if _, err := b.repo.Push("main", map[string]string{fallbackPath: declared}, "declare"); err != nil {
		t.Fatal(err)
	}
	x := b.fail("failure")
	want := map[string]string{
		"reason": "failed", "redundancy_incident": "1",
		"redundancy_claim": OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID),
	}
	if diff := cmp.Diff(want, b.dispatched()[0].Inputs); diff != "" {
		t.Error(diff)
	}
	titled := func(id int64, title string) *runs.Run {
		return &runs.Run{WorkflowRun: github.WorkflowRun{ID: github.Int64(id), DisplayTitle: github.String(title)}}
	}
	list := []*runs.Run{titled(1, "Fallback"), titled(2, "Fallback for "+want["redundancy_claim"])}
	if got := preferClaim(list, want["redundancy_claim"]); len(got) != 1 || got[0].GetID() != 2 {
		t.Errorf("found %v", got)
	}
	if got := preferClaim(list, "another"); len(got) != 2 {
		t.Errorf("found %v", got)
	}
}

// The chain of recoveries that start each other ends, without an event.
func TestDepth(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event, dispatch, local}})
	x := b.run(primaryPath, "schedule", "failure")
	err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := runs.Get(ctx, b.client(), b.at, x.ID)
		if err != nil {
			return err
		}
		_, err = b.engine.open(ctx, tx, opening{repo: b.at, run: r.Row(b.at.ID, 1), flow: b.configs.c.Workflows[0], depth: MaxDepth})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.work()
	inc := b.want(Recovered)
	if diff := cmp.Diff([]string{"repository_dispatch skipped", "dispatch skipped", "run succeeded"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{kindRun: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// The claim decides: what somebody else has done is not done again, and what
// somebody else left open waits for a person.
func TestForeignClaim(t *testing.T) {
	for state, want := range map[store.ClaimState]State{store.ClaimDone: Superseded, store.ClaimInDoubt: InDoubt} {
		t.Run(string(state), func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{local}})
			x := b.run(primaryPath, "schedule", "failure")
			key := OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID)
			err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
				c, _, err := tx.Acquire(ctx, key, "the guard", b.engine.now(), b.engine.now()+1)
				if err != nil {
					return err
				}
				return tx.SetClaim(ctx, key, c.Epoch, state, b.engine.now())
			})
			if err != nil {
				t.Fatal(err)
			}
			b.observe(x.ID)
			b.want(want)
			if b.actions.count() != 0 {
				t.Error("the action ran")
			}
			if want == InDoubt {
				if a := b.ask(queue.Recover{}); !a.Accepted {
					t.Errorf("%+v", a)
				}
				b.want(Recovered)
			}
		})
	}
}

// Errors of GitHub on the way cost attempts, not effects.
func TestGitHubFailsOnTheWay(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun, dispatch}})
	b.gh.Fault(githubtest.Fault{Method: "GET", Kind: githubtest.Status, Code: 502, Times: 3})
	b.gh.Fault(githubtest.Fault{Method: "GET", Kind: githubtest.Reset, Skip: 2, Times: 2})
	x := b.fail("failure")
	b.pass(time.Minute)
	b.want(Verifying)
	b.gh.Fault(githubtest.Fault{Method: "GET", Kind: githubtest.BadJSON, Times: 2})
	b.end(x, "failure")
	b.observe(x.ID)
	b.pass(time.Minute)
	b.want(Verifying)
	if diff := cmp.Diff(map[string]int{kindRerun: 1, kindDispatch: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// slow is a host whose action takes until it is told to end.
type slow struct {
	begun chan action.Request
	end   chan struct{}
}

func (s slow) Run(ctx context.Context, r action.Request) (action.Result, error) {
	s.begun <- r
	return s.Resolve(ctx, r.ID, r.Claim)
}

func (s slow) Resolve(ctx context.Context, _, _ string) (action.Result, error) {
	select {
	case <-s.end:
		return action.Result{State: action.Succeeded, StartedAt: time.Unix(1, 0), EndedAt: time.Unix(601, 0)}, nil
	case <-ctx.Done():
		return action.Result{}, ctx.Err()
	}
}

// An action that takes long holds no worker. The process stops meanwhile, and
// the next one takes the action up instead of starting it.
func TestActionOutlivesTheProcess(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	host := slow{begun: make(chan action.Request, 2), end: make(chan struct{})}
	b.engine.Actions = host
	x := b.run(primaryPath, "schedule", "failure")
	b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
	b.workWith(func() {}) // does not wait for the action
	b.want(Recovering)
	key := OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID)
	want := action.Request{ID: key[:32] + "-s0-e1", Claim: key, Name: local.Run.Action, Repository: b.at.FullName(), Timeout: local.Run.Timeout.Std()}
	if diff := cmp.Diff(want, <-host.begun); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	b.restart() // waits for nothing
	b.engine.Actions = host
	b.enqueue(advanceItem(1, time.Time{}))
	b.workWith(func() {})
	b.want(Recovering)
	close(host.end)
	b.work()
	inc := b.want(Recovered)
	if len(host.begun) != 0 || len(inc.Steps) != 1 || !strings.Contains(string(inc.Evidence), "10m0s") {
		t.Errorf("begun %d times more, steps %v, evidence %s", len(host.begun), steps(inc), inc.Evidence)
	}
}

// What a repository can put into names and output stays text.
func TestHostileText(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{remoteHost}})
	evil := "`</td><script>alert(1)</script>` @octocat | [x](http://evil) \n# Heading"
	x := b.fail("failure", githubtest.Job{Name: evil, Steps: []githubtest.Step{{Name: strings.Repeat(evil, 50), Conclusion: "failure"}}})
	b.want(Exhausted)
	c := b.check(x.HeadSHA)
	if strings.Contains(c.Summary, "\n# Heading") || len([]rune(c.Summary)) > 3000 {
		t.Errorf("summary %q", c.Summary)
	}
	// In a code span the text is inert; outside of one it must not be.
	outside := ""
	for i, part := range strings.Split(c.Summary, "``") {
		if i%2 == 0 {
			outside += part
		}
	}
	if strings.Contains(outside, "<script>") || strings.Contains(outside, "@octocat") {
		t.Errorf("outside of code spans: %q", outside)
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{remoteHost, local}})
	b.fail("failure")
	b.want(Recovered)
	want := `
# HELP redundancy_incidents Incidents by state.
# TYPE redundancy_incidents gauge
redundancy_incidents{state="exhausted"} 0
redundancy_incidents{state="failing"} 0
redundancy_incidents{state="healthy"} 0
redundancy_incidents{state="in_doubt"} 0
redundancy_incidents{state="recovered"} 1
redundancy_incidents{state="recovering"} 0
redundancy_incidents{state="superseded"} 0
redundancy_incidents{state="suppressed"} 0
redundancy_incidents{state="suspected"} 0
redundancy_incidents{state="verifying"} 0
# HELP redundancy_steps_total Recovery steps by kind and outcome.
# TYPE redundancy_steps_total counter
redundancy_steps_total{kind="run",outcome="skipped"} 1
redundancy_steps_total{kind="run",outcome="succeeded"} 1
`
	if err := testutil.GatherAndCompare(b.metrics, strings.NewReader(want), "redundancy_incidents", "redundancy_steps_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(b.metrics, "redundancy_detection_to_action_seconds"); err != nil || n != 1 {
		t.Errorf("%d histograms, %v", n, err)
	}
}

func TestPruning(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.fail("failure")
	b.want(Recovered)
	b.actions.exit["git-sync"] = 1
	b.clock.Advance(time.Hour)
	b.fail("failure")
	b.clock.Advance(store.KeepIncidents)
	b.fail("failure")
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil || len(list) != 2 || list[1].State != Exhausted {
		t.Errorf("kept %+v %v; want the open one and the new one", list, err)
	}
	left, err := b.store.Steps(b.ctx, 1)
	if err != nil || len(left) != 0 {
		t.Errorf("steps of a pruned incident: %v %v", left, err)
	}
}

// Whatever has become of an incident's claim, its next step gets a higher
// epoch: after a pause, and when a person asks again, weeks later.
func TestEpochsGrowAfterWeeks(t *testing.T) {
	for _, name := range []string{"given up", "paused"} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
			b.fail("failure")
			first := b.want(Verifying)
			if name == "paused" {
				b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
			} else {
				b.actions.exit["git-sync"] = 1
			}
			b.end(b.dispatched()[0], "failure")
			b.observe(b.dispatched()[0].ID)
			b.clock.Advance(32 * 24 * time.Hour)
			b.restart()
			b.observe(b.run(otherPath, "push", "failure").ID) // its incident takes what is old away
			if name == "paused" {
				b.resume(ResumeRequest{Repo: b.at, Actor: "alice"})
			} else if a := b.ask(queue.Recover{IncidentID: first.ID, Actor: "mona"}); !a.Accepted {
				t.Fatalf("%+v", a)
			}
			b.pass(time.Hour)
			last := int64(0)
			inc := b.incident(first.ID)
			for _, st := range inc.Steps {
				if st.Epoch <= last {
					t.Errorf("epoch %d after epoch %d", st.Epoch, last)
				}
				last = st.Epoch
			}
			if want := map[string]int64{"given up": 3, "paused": 2}[name]; last < want {
				t.Errorf("%s, %s: %v", inc.State, inc.Reason, steps(inc))
			}
		})
	}
}

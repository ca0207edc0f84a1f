package fallback

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func isPermanent(err error) bool {
	var p *queue.PermanentError
	return errors.As(err, &p)
}

// A re-run that fails makes way for the dispatch, whose own conclusion (not
// the answer to the request) is what recovers.
func TestRerunFailsDispatchSucceeds(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun, dispatch}})
	job := githubtest.Job{Name: "build", Steps: []githubtest.Step{{Name: "Set up job", Conclusion: "success"}, {Name: "Post to LinkedIn", Conclusion: "failure"}}}
	x := b.fail("failure", job)
	inc := b.want(Verifying)
	if inc.FailedJob != "build" || inc.FailedStep != "Post to LinkedIn" || inc.Cause != "code" {
		t.Errorf("failed %q / %q, cause %q", inc.FailedJob, inc.FailedStep, inc.Cause)
	}
	if x.Attempt() != 2 {
		t.Fatalf("attempt %d, want 2", x.Attempt())
	}
	b.observe(x.ID)
	b.want(Verifying) // attempt 2 is under way
	b.end(x, "failure", job)
	b.observe(x.ID)

	b.want(Verifying)
	children := b.dispatched()
	if len(children) != 1 || children[0].Workflow != fallbackPath || children[0].Inputs["reason"] != "failed" {
		t.Fatalf("dispatched %+v", children)
	}
	if err := children[0].Progress(); err != nil {
		t.Fatal(err)
	}
	b.observe(children[0].ID)
	b.want(Verifying)
	if c := b.check(x.HeadSHA); c.Status != "in_progress" || len(c.Actions) != 0 {
		t.Errorf("check %s with actions %v", c.Status, c.Actions)
	}
	b.end(children[0], "success")
	b.observe(children[0].ID)

	inc = b.want(Recovered)
	if diff := cmp.Diff([]string{"rerun failed", "dispatch succeeded"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	var evidence struct {
		Run             int64
		Attempt         int
		Conclusion, URL string
	}
	if err := json.Unmarshal(inc.Evidence, &evidence); err != nil || evidence.Run != children[0].ID || evidence.Conclusion != "success" || !strings.Contains(evidence.URL, "/actions/runs/") {
		t.Errorf("evidence %s, %v", inc.Evidence, err)
	}
	c := b.check(x.HeadSHA)
	if c.Conclusion != "success" || !strings.Contains(c.Summary, evidence.URL) || !strings.Contains(c.Summary, "Post to LinkedIn") || len(c.Actions) != 0 {
		t.Errorf("check %s %q actions %v", c.Conclusion, c.Summary, c.Actions)
	}
	claim, ok, err := b.store.Claim(b.ctx, OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID))
	if err != nil || !ok || claim.State != store.ClaimDone || claim.Epoch != 2 {
		t.Errorf("claim %+v %v %v", claim, ok, err)
	}
	if diff := cmp.Diff(map[string]int{kindRerun: 1, kindDispatch: 1}, b.effects()); diff != "" {
		t.Error(diff)
	}
}

// Anything but success is no evidence of a recovery.
func TestOnlySuccessIsEvidence(t *testing.T) {
	for _, conclusion := range []string{"failure", "cancelled", "skipped", "neutral", "timed_out", "action_required", "stale"} {
		t.Run(conclusion, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.fail("failure")
			child := b.dispatched()[0]
			b.end(child, conclusion)
			b.observe(child.ID)
			b.want(Exhausted)
		})
	}
}

func TestExhausted(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun, remoteHost, {WorkflowAtHome: &config.WorkflowAtHome{Host: "home"}}, local}})
	b.actions.exit["git-sync"] = 3
	x := b.fail("failure")
	b.end(x, "failure")
	b.observe(x.ID)
	inc := b.want(Exhausted)
	if diff := cmp.Diff([]string{"rerun failed", "run skipped", "workflow_at_home skipped", "run failed"}, steps(inc)); diff != "" {
		t.Error(diff)
	}
	if r := inc.Steps[1].Reason; r != `host "home" is not connected` {
		t.Errorf("reason %q", r)
	}
	c := b.check(x.HeadSHA)
	if c.Conclusion != "failure" || len(c.Actions) != 2 || c.Actions[0].Identifier != "recover" || c.Actions[1].Identifier != "pause" {
		t.Errorf("check %s %v", c.Conclusion, c.Actions)
	}
	if !strings.Contains(c.Text, "synced <b>3</b> items") || !strings.Contains(c.Text, "```") {
		t.Errorf("output is not in a code block: %q", c.Text)
	}
}

func TestWithoutSteps(t *testing.T) {
	b := newBench(t, config.Workflow{})
	b.fail("failure")
	if inc := b.want(Exhausted); inc.Reason != "no recovery steps are configured for this workflow" {
		t.Errorf("reason %q", inc.Reason)
	}
}

func TestLocalAction(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.fail("failure")
	inc := b.want(Recovered)
	if inc.Reason != "step 1 (run git-sync): exit 0" || !strings.Contains(string(inc.Evidence), `"exit_code":0`) {
		t.Errorf("%s %s", inc.Reason, inc.Evidence)
	}
	var states []State
	for _, e := range inc.Timeline {
		if e.From != e.To || e.To == Recovering {
			states = append(states, e.To)
		}
	}
	if diff := cmp.Diff([]State{Failing, Recovering, Verifying, Recovered}, states); diff != "" {
		t.Error(diff)
	}
}

func TestLocalActionIsRefused(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = -1
	b.fail("failure")
	if inc := b.want(Exhausted); inc.Steps[0].Reason != "this host refused: no such action on this host: git-sync" {
		t.Errorf("reason %q", inc.Steps[0].Reason)
	}
}

func TestRepositoryDispatch(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	x := b.fail("failure")
	inc := b.want(Verifying)
	sent := b.repo.Dispatches()
	if len(sent) != 1 || sent[0].EventType != "marketing-sync-fallback" {
		t.Fatalf("sent %+v", sent)
	}
	want := map[string]any{
		"target": "marketing-sync", "workflow": primaryPath, "run_id": float64(x.ID), "run_attempt": 1.0, "head_sha": x.HeadSHA,
		"incident": float64(inc.ID), "claim": OccurrenceKey(b.at.InstallationID, b.at.ID, primaryPath, "schedule", x.HeadSHA, x.ID), "epoch": 1.0, "depth": 1.0,
	}
	var got map[string]any
	if err := json.Unmarshal(sent[0].Payload, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	child := b.dispatched()[0]
	b.end(child, "success")
	b.observe(child.ID)
	b.want(Recovered)
}

func TestRefusedSteps(t *testing.T) {
	t.Run("re-run of a run that is too old", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
		x := b.run(primaryPath, "schedule", "failure")
		x.SetCreated(b.clock.Now().Add(-31 * 24 * time.Hour))
		b.observe(x.ID)
		if inc := b.want(Exhausted); !strings.Contains(inc.Steps[0].Reason, "over a month ago") {
			t.Errorf("reason %q", inc.Steps[0].Reason)
		}
	})
	t.Run("dispatch of a workflow without the trigger", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{{Dispatch: &config.Dispatch{Workflow: eventPath, Ref: "main"}}}})
		b.fail("failure")
		if inc := b.want(Exhausted); !strings.Contains(inc.Steps[0].Reason, "workflow_dispatch") {
			t.Errorf("reason %q", inc.Steps[0].Reason)
		}
	})
}

func TestRerunAttempts(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 3}}}})
	x := b.fail("failure")
	for attempt := 2; attempt <= 4; attempt++ {
		if x.Attempt() != attempt {
			t.Fatalf("attempt %d, want %d", x.Attempt(), attempt)
		}
		b.end(x, "failure")
		b.observe(x.ID)
	}
	if inc := b.want(Exhausted); len(inc.Steps) != 3 || x.Attempt() != 4 {
		t.Errorf("steps %v, attempt %d", steps(inc), x.Attempt())
	}
}

func TestRerunWhen(t *testing.T) {
	setup := githubtest.Job{Name: "build", Steps: []githubtest.Step{{Name: "Set up job", Conclusion: "failure"}, {Name: "Run", Conclusion: "skipped"}}}
	user := githubtest.Job{Name: "build", Steps: []githubtest.Step{{Name: "Set up job", Conclusion: "success"}, {Name: "Run", Conclusion: "failure"}}}
	for name, c := range map[string]struct {
		conclusion string
		job        githubtest.Job
		earlier    bool // the commit has ended well before
		want       config.RerunCause
	}{
		"did not start":           {"startup_failure", githubtest.Job{}, false, config.Infrastructure},
		"ran into the limit":      {"timed_out", user, false, config.Infrastructure},
		"no runner":               {"failure", githubtest.Job{Name: "build", Runner: "-"}, false, config.Infrastructure},
		"failed in its setup":     {"failure", setup, false, config.Infrastructure},
		"same commit worked once": {"failure", user, true, config.Flaky},
		"the user's step":         {"failure", user, false, config.Code},
	} {
		t.Run(name, func(t *testing.T) {
			for _, when := range []config.RerunCause{config.Infrastructure, config.Flaky, config.Code} {
				b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 1, When: []config.RerunCause{when}}}}})
				if c.earlier {
					b.observe(b.run(primaryPath, "push", "success").ID)
				}
				if c.job.Name == "" {
					b.fail(c.conclusion)
				} else {
					b.fail(c.conclusion, c.job)
				}
				inc := b.only()
				if inc.Cause != string(c.want) {
					t.Fatalf("cause %q, want %q", inc.Cause, c.want)
				}
				if when == c.want {
					b.want(Verifying)
				} else if b.want(Exhausted); inc.Steps[0].State != store.StepSkipped || len(b.effects()) != 0 {
					t.Errorf("%s: steps %v, effects %v", when, steps(inc), b.effects())
				}
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	for effect, want := range map[config.Effect]State{config.AtMostOnce: InDoubt, "": InDoubt, config.Guarded: Exhausted, config.Idempotent: Exhausted} {
		t.Run(string(effect), func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{dispatch}})
			x := b.fail("failure")
			if err := b.dispatched()[0].Progress(); err != nil { // what does not begin is given up earlier
				t.Fatal(err)
			}
			b.pass(defaultStepDeadline - time.Minute)
			b.want(Verifying)
			b.pass(2 * time.Minute)
			inc := b.want(want)
			if !strings.Contains(inc.Steps[0].Reason, "did not finish within 6h") {
				t.Errorf("reason %q", inc.Steps[0].Reason)
			}
			if want != InDoubt {
				return
			}
			if c := b.check(x.HeadSHA); c.Conclusion != "action_required" || len(c.Actions) != 3 { // recover, done, pause
				t.Errorf("check %s %v", c.Conclusion, c.Actions)
			}
			// Evidence that comes late still counts.
			b.end(b.dispatched()[0], "success")
			b.observe(b.dispatched()[0].ID)
			b.want(Recovered)
		})
	}
}

package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// explained is the story of the only incident, as one text.
func (b *bench) explained() string {
	b.Helper()
	lines, ok, err := b.engine.Explain(b.ctx, b.only().ID)
	if err != nil || !ok {
		b.Fatal(ok, err)
	}
	for _, l := range lines {
		if l == "" || strings.ContainsAny(l, "\n\r") {
			b.Errorf("sentence %q", l)
		}
	}
	return strings.Join(lines, "\n")
}

func (b *bench) wantStory(parts ...string) {
	b.Helper()
	story := b.explained()
	rest := story
	for _, p := range parts {
		_, after, found := strings.Cut(rest, p)
		if !found {
			b.Fatalf("%q is missing, or not in its place, in:\n%s", p, story)
		}
		rest = after
	}
}

func TestExplainTellsTheWholeStory(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{remoteHost, dispatch, local}})
	b.fail("failure", githubtest.Job{Name: "build", Conclusion: "failure"})
	b.wantStory("Step 1 (run git-sync) was passed over: host", "Step 2 (dispatch marketing-sync-fallback.yml) has acted under epoch 1 of the claim", "evidence is awaited",
		"It has been verifying since", "The claim of this work is held, with epoch 1; its owner is incident:1", "There is nothing to do while it is being recovered")
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	b.want(Recovered)
	b.wantStory("Run ", "of marketing-sync on main concluded failure in attempt 1: http", "It was believed at", "attempt 1 concluded failure",
		"The failure in job build", "is classified as", "Step 2", "under epoch 1 of the claim, failed", "Step 3 (run git-sync), begun at", "under epoch 2 of the claim, succeeded",
		"It ended as recovered at", "What proves it: exit code 0, duration 3s", "The claim of this work is done, with epoch 2")
	if strings.Contains(b.explained(), "/redundancy") {
		t.Error("it says what a person can do although nothing is left to do")
	}
}

func TestExplainSaysWhatHoldsAndWhatToDo(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.pause(PauseRequest{Repo: b.at, Target: "marketing-sync", For: time.Hour, Actor: "alice", Reason: "we move"})
	b.fail("failure")
	b.want(Suppressed)
	b.wantStory("No step has begun", "It has been suppressed since", "There is a pause: alice paused marketing-sync until", "we move. Nothing new begins",
		"/redundancy recover marketing-sync", "/redundancy resume marketing-sync")
	b.actions.exit["git-sync"] = 1
	b.pass(time.Hour)
	b.want(Exhausted)
	b.wantStory("Step 1 (run git-sync)", "failed: exit 1", "It has been exhausted since", "To try the step again, press Recover")
	if strings.Contains(b.explained(), "paused marketing-sync until") && strings.Contains(b.explained(), "/redundancy resume") {
		t.Error("a pause that is over is still told of as if it held")
	}
	if _, ok, err := b.engine.Explain(b.ctx, 99); ok || err != nil {
		t.Errorf("an incident that does not exist: %t, %v", ok, err)
	}
	if got := b.only(); len(got.Explanation) == 0 || got.Claim == nil || got.Claim.Epoch != 1 {
		t.Errorf("the API's view has no explanation or claim: %+v", got.Claim)
	}
}

package fallback

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// endUnwatched is the hourly housekeeping.
func (b *bench) endUnwatched() {
	b.Helper()
	if err := b.engine.EndUnwatched(b.ctx); err != nil {
		b.Fatal(err)
	}
}

// uncovered is what the webhook says when the App is taken off the repository.
func (b *bench) uncovered() {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		return store.RemoveRepositories(ctx, tx, b.at.InstallationID, []int64{b.at.ID})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// exhausted is an incident whose only step has failed.
func exhausted(t *testing.T) *bench {
	t.Helper()
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{local}})
	b.listed("site")
	b.watch()
	b.actions.exit["git-sync"] = 1
	b.fail("failure", githubtest.Job{Name: "build", Conclusion: "failure"})
	b.want(Exhausted)
	return b
}

func TestIncidentsOfAWorkflowThatIsNotWatchedAnyMoreEnd(t *testing.T) {
	b := exhausted(t)
	b.pass(2 * time.Hour)
	b.endUnwatched()
	b.want(Exhausted) // it is watched
	b.configs.c.Workflows = b.configs.c.Workflows[1:]
	b.watch()
	b.pass(59 * time.Minute)
	b.endUnwatched()
	b.want(Exhausted) // it may be put back
	b.pass(2 * time.Minute)
	b.endUnwatched()
	if inc := b.want(Healthy); inc.Reason != "the workflow is not watched any more" || inc.SettledAt == nil {
		t.Errorf("%+v", inc)
	}
}

func TestIncidentsOfARepositoryThatIsTakenAwayEnd(t *testing.T) {
	b := exhausted(t)
	b.uncovered()
	b.endUnwatched()
	if inc := b.want(Healthy); inc.Reason != "the App does not cover the repository any more" {
		t.Error(inc.Reason)
	}
}

// Whether the work was done is as unknown as before.
func TestADoubtOfAnUnwatchedWorkflowStaysOne(t *testing.T) {
	b, _ := doubtful(t)
	b.listed("site")
	b.uncovered()
	b.endUnwatched()
	inc := b.want(Healthy)
	if !strings.Contains(inc.Reason, "has never been found out") || inc.Claim.State != store.ClaimInDoubt {
		t.Errorf("reason %q, claim %+v", inc.Reason, inc.Claim)
	}
}

// A step that has begun is waited for as long as its evidence is.
func TestAStepUnderWayIsWaitedForInAnUnwatchedWorkflow(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.listed("site")
	b.fail("failure")
	b.want(Verifying)
	b.uncovered()
	b.endUnwatched()
	b.want(Verifying)
	b.clock.Advance(b.engine.StepDeadline) // and nobody hears of the run any more
	b.endUnwatched()
	inc := b.want(Healthy)
	if inc.Steps[0].State != store.StepInDoubt || inc.Claim.State != store.ClaimInDoubt || !strings.Contains(inc.Reason, "has never been found out") {
		t.Errorf("step %+v, claim %+v, reason %q", inc.Steps[0], inc.Claim, inc.Reason)
	}
}

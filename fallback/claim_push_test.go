package fallback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// newGuardedPushBench watches a workflow that a push starts; without an effect
// its file has the guard, which counts as the proof that lets a fallback begin.
func newGuardedPushBench(t *testing.T, effect config.Effect) *bench {
	t.Helper()
	b := newPushBench(t, "push", config.Workflow{Effect: effect, Recover: []config.Step{dispatch}})
	b.listed("site")
	if effect == config.Guarded {
		return b
	}
	_, jobs, _ := strings.Cut(guardedFile[primaryPath], "\n")
	text := "on: push\n" + jobs
	b.push(map[string]string{primaryPath: text})
	facts := must(config.ReadWorkflow(primaryPath, []byte(text)))
	w := store.Watch{RepoID: b.at.ID, WorkflowPath: primaryPath, InstallationID: b.at.InstallationID, Facts: string(must(json.Marshal(facts))), Flow: "{}"}
	if err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return tx.SaveWatch(ctx, &w) }); err != nil {
		t.Fatal(err)
	}
	return b
}

// The run of a push comes when the fallback is at work in its place, or has
// done it: its guard is told, whether or not its webhook came before it asked.
func TestTheLateRunOfAPushIsToldToSkip(t *testing.T) {
	for effect, name := range map[config.Effect]string{config.Guarded: "by declaration", "": "by its file"} {
		for _, done := range []bool{false, true} {
			for _, heard := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, done %t, heard of %t", name, done, heard), func(t *testing.T) {
					b := newGuardedPushBench(t, effect)
					b.pushMain("feature")
					b.pass(12 * time.Minute)
					inc := b.want(Verifying)
					if done {
						b.fallbackWorked()
						b.want(Recovered)
					}
					late := b.startPushed()
					b.begin(late)
					if heard {
						b.observe(late.ID)
					}
					b.wantGrant(b.guard(late), false, 1, incidentOwner(inc.ID))
					b.observe(late.ID)
					b.end(late, "success")
					b.observe(late.ID)
					if !done { // that it succeeded is no proof
						b.want(Verifying)
						b.fallbackWorked()
					}
					if inc = b.want(Recovered); inc.Late != latePrimarySkipped || timelineHas(inc, "duplicate") {
						t.Errorf("late primary %q", inc.Late)
					}
					b.again(late)
					b.observe(late.ID)
					b.wantGrant(b.guard(late), false, 1, incidentOwner(inc.ID))
				})
			}
		}
	}
}

// A late run that comes before anything was done holds the claim of the push:
// the fallback waits for it, and takes over when it fails.
func TestTheLateRunOfAPushHoldsItsClaim(t *testing.T) {
	for conclusion, want := range map[string]State{"success": Healthy, "failure": Verifying} {
		t.Run(conclusion, func(t *testing.T) {
			b := newGuardedPushBench(t, config.Guarded)
			b.pushMain("feature")
			b.pass(10*time.Minute + 30*time.Second)
			inc := b.want(Suspected)
			late := b.startPushed()
			b.begin(late)
			got := b.guard(late)
			b.wantGrant(got, true, 1, runOwner(late.ID, 1))
			if row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID); err != nil || row.OccurrenceKey != got.Key {
				t.Errorf("the run holds %s, the push is %s, %v", got.Key, row.OccurrenceKey, err)
			}
			b.pass(time.Hour)
			b.wantGrant(b.guard(late), true, 1, runOwner(late.ID, 1))
			if n := b.effects()[kindDispatch]; n != 0 {
				t.Fatalf("%d dispatches while the run is at work", n)
			}
			b.end(late, conclusion)
			b.observe(late.ID)
			b.wantState(b.incident(inc.ID), want)
			c, _, err := storeClaim(b, got.Key)
			if err != nil || want == Healthy && c.State != store.ClaimDone || want == Verifying && c.Epoch != 2 {
				t.Errorf("claim %+v, %v", c, err)
			}
		})
	}
}

// Runs of other branches, and of pushes that were made up for by their own run,
// have claims of their own.
func TestOtherRunsOfAPushHaveClaimsOfTheirOwn(t *testing.T) {
	b := newGuardedPushBench(t, config.Guarded)
	sha := b.pushMain("feature")
	b.pass(12 * time.Minute)
	b.want(Verifying)
	row := store.WorkflowRun{RepoID: b.at.ID, WorkflowPath: primaryPath, Event: pushEvent, HeadBranch: "release", HeadSHA: sha, RunID: 7, Attempt: 1}
	for _, branch := range []string{"release", "main"} {
		row.HeadBranch = branch
		key := must(b.engine.occurrenceOfPush(b.ctx, b.at, row))
		if own := key == occurrence(b.at, row); own != (branch == "release") {
			t.Errorf("branch %s: its own %t", branch, own)
		}
	}
}

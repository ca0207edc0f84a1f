package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// The run had been there from the beginning: it failed.
func TestASkippedReRunIsNoRunThatCameLate(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
	x := b.fail("failure")
	b.want(Verifying)
	if err := x.Rerun("alice"); err != nil {
		t.Fatal(err)
	}
	b.guard(x)
	b.end(x, "success")
	b.observe(x.ID)
	b.wantStory("The run was started again, asked for the claim, and was told to skip its work.")
	if story := b.explained(); strings.Contains(story, "came after all") {
		t.Error(story)
	}
}

// Recover does something else there than anywhere else, and the advice says what.
func TestWhatRecoverDoesToADisabledWorkflow(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	if err := b.repo.DisableWorkflow(primaryPath, byPerson); err != nil {
		t.Fatal(err)
	}
	b.until(tick.Add(2 * time.Hour))
	list, err := b.engine.Incidents(b.ctx, Filter{Signals: []Signal{Disabled}})
	if err != nil || len(list) != 1 || !list[0].LeftOff() {
		t.Fatalf("%+v, %v", list, err)
	}
	told := func() string {
		lines, _, err := b.engine.Explain(b.ctx, list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "\n")
	}
	if story := told(); strings.Contains(story, "Repair what is broken") || !strings.Contains(story, "Enabling it on GitHub closes this. Recover enables the workflow again: to have that, press Recover") {
		t.Error(story)
	}
	if a := b.ask(queue.Recover{IncidentID: list[0].ID}); !a.Accepted || b.gh.Effects(enables) != 1 {
		t.Errorf("%+v, %d times enabled", a, b.gh.Effects(enables))
	}
	if inc := b.incident(list[0].ID); inc.LeftOff() || inc.State != Recovered {
		t.Errorf("%s, %s", inc.State, inc.Reason)
	}
}

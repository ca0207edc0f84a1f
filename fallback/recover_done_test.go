package fallback

import (
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// doubtful is an incident whose step acted and was never heard of again.
func doubtful(t *testing.T) (*bench, Incident) {
	t.Helper()
	b := newBench(t, config.Workflow{Recover: []config.Step{local, dispatch}})
	b.actions.lose = true
	b.fail("failure")
	b.actions.lose = false
	return b, b.want(InDoubt)
}

func TestAPersonSaysThatTheWorkWasDone(t *testing.T) {
	b, inc := doubtful(t)
	b.wantStory("Find out whether the work was done. If it was, press It was done, comment /redundancy done 1, or run: redundancy recover --done 1.", "If it was not, press Recover")
	said := queue.Recover{IncidentID: inc.ID, Done: true, Reason: "the invoice is there", DeliveryID: "d1"}
	first := b.ask(said)
	if !first.Accepted || first != b.ask(said) {
		t.Errorf("said twice: %+v", first)
	}
	inc = b.want(Recovered)
	if timelineCount(inc, "octocat said that the work was done") != 1 || !strings.Contains(string(inc.Evidence), "the invoice is there") || inc.Actor != "octocat" {
		t.Errorf("actor %q, evidence %s, timeline %+v", inc.Actor, inc.Evidence, inc.Timeline)
	}
	if inc.Claim.State != store.ClaimDone || inc.Claim.Owner != "person:octocat" {
		t.Errorf("claim %+v", inc.Claim)
	}
	if n := b.effects(); n[kindRun] != 1 || len(n) != 1 {
		t.Errorf("effects %v, want the one of the doubt", n)
	}
	b.wantStory("It ended as recovered", "octocat said that the work was done", "said done, why the invoice is there")
	said.DeliveryID = "d2"
	if a := b.ask(said); a.Accepted || !strings.Contains(a.Message, "is over") {
		t.Errorf("of an incident that is over: %+v", a)
	}
}

func TestOnlyADoubtIsEndedByWord(t *testing.T) {
	b, inc := doubtful(t)
	elsewhere := b.at
	elsewhere.ID++
	for name, r := range map[string]queue.Recover{
		"a machine":          {Repo: b.at, IncidentID: inc.ID, Done: true, Automated: true},
		"another repository": {Repo: elsewhere, IncidentID: inc.ID, Done: true},
		"no incident":        {Repo: b.at, Done: true},
	} {
		if a, err := b.engine.Recover(b.ctx, r); err != nil || a.Accepted {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	b.want(InDoubt)
	if a := b.ask(queue.Recover{IncidentID: inc.ID}); !a.Accepted {
		t.Fatal(a.Message)
	}
	if inc = b.want(Verifying); inc.Steps[1].Step != 2 {
		t.Errorf("after the doubt: %+v", inc.Steps[1])
	}
	if a := b.ask(queue.Recover{IncidentID: inc.ID, Done: true}); a.Accepted || !strings.Contains(a.Message, "not in doubt") {
		t.Errorf("while it is being recovered: %+v", a)
	}
}

// GitHub takes three buttons, of so many characters.
func TestTheButtonsOfADoubt(t *testing.T) {
	b, inc := doubtful(t)
	row, _, err := store.ReadIncident(b.ctx, b.store.Read(), inc.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := b.engine.report(&row, nil)
	buttons, err := b.engine.pauseButtons(b.ctx, &row, r.Actions)
	if err != nil || len(buttons) != 3 {
		t.Fatalf("%d buttons, %v", len(buttons), err)
	}
	for i, want := range []string{ButtonRecover, ButtonDone, ButtonPause} {
		if got := buttons[i]; got.Identifier != want || len(got.Identifier) > 20 || len(got.Label) > 20 || len(got.Description) > 40 {
			t.Errorf("button %d: %+v", i, got)
		}
	}
	row.State = string(Exhausted)
	for _, a := range b.engine.report(&row, nil).Actions {
		if a.Identifier == ButtonDone {
			t.Errorf("there is no doubt: %+v", []checkrun.Action{a})
		}
	}
}

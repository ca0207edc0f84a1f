package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// What waits for the end of a pause learns that a shorter one has its place.
func TestAPauseReplacedByAShorterOneLetsGo(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	b.fail("failure")
	b.want(Suppressed)
	b.pause(PauseRequest{Repo: b.at, For: 10 * time.Minute, Actor: "alice"})
	b.pass(10*time.Minute - time.Second)
	b.want(Suppressed)
	b.pass(time.Second)
	b.want(Verifying)
}

func TestNobodyShortensAPauseOfSomebodyElse(t *testing.T) {
	long, short := 8*time.Hour, 10*time.Minute
	for name, tc := range map[string]struct {
		actor string
		then  time.Duration
		lasts time.Duration
		says  string
		open  int
	}{
		"shorter, of somebody else": {"bob", short, long, "; the pause that alice made goes on until 2", 2},
		"shorter, of the same":      {"alice", short, short, "", 1},
		"longer":                    {"bob", 9 * time.Hour, 9 * time.Hour, "", 1},
		"as long":                   {"bob", long, long, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.pause(PauseRequest{Repo: b.at, For: long, Actor: "alice"})
			a := b.pause(PauseRequest{Repo: b.at, For: tc.then, Actor: tc.actor})
			if !strings.Contains(a.Message, tc.says) || strings.Contains(a.Message, "alice") != (tc.says != "") {
				t.Error(a.Message)
			}
			if list, err := b.engine.Pauses(b.ctx, false); err != nil || len(list) != tc.open {
				t.Errorf("%+v, %v", list, err)
			}
			b.fail("failure")
			b.pass(tc.lasts - time.Second)
			b.want(Suppressed)
			b.pass(time.Second)
			b.want(Verifying)
		})
	}
	t.Run("resuming ends all of them", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
		if a := b.pause(PauseRequest{Repo: b.at, For: short, Actor: "bob"}); !strings.Contains(a.Message, "goes on until somebody resumes, and nothing but resuming ends it sooner") {
			t.Error(a.Message)
		}
		b.fail("failure")
		b.resume(ResumeRequest{Repo: b.at, Actor: "bob"})
		b.want(Verifying)
	})
}

// Windows to come do not stand in the way of a pause from now.
func TestBoundsOfOpenPauses(t *testing.T) {
	b := newBench(t, config.Workflow{})
	ask := func(r PauseRequest) Answer {
		t.Helper()
		r.Repo = b.at
		a, err := b.engine.Pause(b.ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	window := func(i int) Answer {
		return ask(PauseRequest{From: b.clock.Now().Add(time.Duration(i+1) * time.Hour), For: time.Minute, Actor: "alice"})
	}
	for i := range maxOpenPauses {
		if a := window(i); !a.Accepted {
			t.Fatalf("window %d: %s", i, a.Message)
		}
	}
	if a := window(maxOpenPauses); a.Accepted || !strings.Contains(a.Message, "100 maintenance windows") {
		t.Errorf("one window too many: %+v", a)
	}
	b.resume(ResumeRequest{ID: 1, Actor: "alice"}) // as the refusal says
	if a := window(maxOpenPauses); !a.Accepted {
		t.Error(a.Message)
	}
	for i := range maxOpenPauses { // each a bit shorter, and of somebody else
		if a := ask(PauseRequest{For: time.Hour - time.Duration(i)*time.Second, Actor: strings.Repeat("x", i+1)}); !a.Accepted {
			t.Fatalf("pause %d: %s", i, a.Message)
		}
	}
	if a := ask(PauseRequest{For: time.Minute, Actor: "bob"}); a.Accepted || !strings.Contains(a.Message, "100 longer pauses") {
		t.Errorf("one pause too many: %+v", a)
	}
	if a := ask(PauseRequest{For: 2 * time.Hour, Actor: "bob"}); !a.Accepted { // it replaces them all
		t.Error(a.Message)
	}
	if a := b.resume(ResumeRequest{Repo: b.at, Actor: "bob"}); !strings.Contains(a.Message, "Still: pause 2 begins") {
		t.Error(a.Message)
	}
}

// Of a person's request to recover and a person's pause, the newer one counts.
func TestAPauseAfterAPersonsRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		pause PauseRequest
		waits time.Duration // until the pause begins
	}{
		"from now":                     {pause: PauseRequest{Actor: "carol", Reason: "stop everything"}},
		"the same person as before":    {pause: PauseRequest{Actor: "alice"}},
		"a window that was known then": {waits: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
			b.pause(PauseRequest{Repo: b.at, Actor: "alice", For: time.Minute})
			if tc.waits != 0 {
				b.pause(PauseRequest{Repo: b.at, Actor: "dave", From: b.clock.Now().Add(tc.waits), For: time.Hour})
			}
			b.fail("failure")
			inc := b.want(Suppressed)
			b.ask(queue.Recover{IncidentID: inc.ID})
			b.want(Verifying)
			if tc.waits == 0 {
				tc.pause.Repo = b.at
				b.pause(tc.pause)
			}
			b.pass(tc.waits)
			d := b.dispatched()[0]
			b.end(d, "failure")
			b.observe(d.ID)
			if inc = b.want(Suppressed); inc.HeldBy != pauseName || b.actions.count() != 0 {
				t.Fatalf("held by %q: %s, %d actions", inc.HeldBy, inc.Reason, b.actions.count())
			}
			b.restart()
			if a := b.ask(queue.Recover{IncidentID: inc.ID}); !a.Accepted { // the newest wish
				t.Fatal(a.Message)
			}
			b.want(Recovered)
		})
	}
}

// A round that a person asked for and that a newer pause held goes on behind
// it, past the gates that a person passes.
func TestWhatAPersonAskedForGoesOnAfterThePause(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}, Breaker: config.Breaker{Failures: 1, Cooldown: config.Duration(24 * time.Hour)}})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	fail := func(i int) {
		d := b.dispatched()[i]
		b.end(d, "failure")
		b.observe(d.ID)
	}
	fail(0)
	inc := b.want(Exhausted) // which opens the breaker
	b.actions.exit["git-sync"] = 0
	b.ask(queue.Recover{IncidentID: inc.ID})
	b.want(Verifying)
	b.pause(PauseRequest{Repo: b.at, Actor: "carol", For: time.Hour})
	fail(1)
	b.want(Suppressed)
	b.pass(time.Hour - time.Second)
	b.want(Suppressed)
	b.pass(time.Second)
	b.want(Recovered)
}

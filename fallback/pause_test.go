package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func (b *bench) pause(r PauseRequest) (a Answer) {
	b.Helper()
	b.survive(func() (err error) { a, err = b.engine.Pause(b.ctx, r); return err })
	if !a.Accepted {
		b.Fatalf("%+v", a)
	}
	return a
}

func (b *bench) resume(r ResumeRequest) (a Answer) {
	b.Helper()
	b.survive(func() (err error) { a, err = b.engine.Unpause(b.ctx, r); return err })
	if !a.Accepted {
		b.Fatalf("%+v", a)
	}
	b.work()
	return a
}

// buttons of the Check Run of the watched workflow.
func (b *bench) buttons(sha string) []string {
	b.Helper()
	var out []string
	for _, a := range b.check(sha).Actions {
		out = append(out, a.Identifier)
	}
	return out
}

func TestWhatIsPausedIsNoticedAndNotRecovered(t *testing.T) {
	for name, tc := range map[string]PauseRequest{
		"the workflow":   {Target: "marketing-sync"},
		"the repository": {},
		"everything":     {},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			tc.Actor, tc.Reason = "alice", "we move the database"
			if name != "everything" {
				tc.Repo = b.at
			}
			b.pause(tc)
			x := b.fail("failure")
			inc := b.want(Suppressed)
			if inc.HeldBy != "pause" || !strings.Contains(inc.Reason, "alice paused") || !strings.Contains(inc.Reason, "we move the database") {
				t.Errorf("held by %q: %s", inc.HeldBy, inc.Reason)
			}
			b.pass(72 * time.Hour)
			b.want(Suppressed)
			if len(b.effects()) != 0 {
				t.Fatalf("effects while paused: %v", b.effects())
			}
			want := []string{"recover"}
			if name == "the workflow" {
				want = append(want, "resume")
			}
			if diff := cmp.Diff(want, b.buttons(x.HeadSHA)); diff != "" {
				t.Errorf("buttons: %s", diff)
			}
			b.resume(ResumeRequest{Repo: tc.Repo, Target: tc.Target, Actor: "alice"})
			b.want(Verifying)
		})
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.pause(PauseRequest{Repo: b.at, For: time.Hour, Actor: "alice"})
	b.fail("failure")
	b.pass(time.Hour - time.Second)
	inc := b.want(Suppressed)
	if inc.NotBefore == nil {
		t.Error("the incident does not say until when")
	}
	b.restart() // a pause outlives the process
	b.pass(time.Second)
	b.want(Verifying)
}

func TestAMaintenanceWindowBeginsLater(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.pause(PauseRequest{Repo: b.at, From: b.clock.Now().Add(time.Hour), For: time.Hour, Actor: "alice"})
	x := b.fail("failure")
	b.want(Verifying) // not yet
	b.end(b.dispatched()[0], "success")
	b.observe(b.dispatched()[0].ID)
	b.want(Recovered)
	_ = x
	b.pass(time.Hour)
	b.fail("failure")
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil || len(list) != 2 || list[0].State != Suppressed {
		t.Fatalf("%+v, %v", list, err)
	}
	if a, err := b.engine.Unpause(b.ctx, ResumeRequest{Repo: b.at, Target: "marketing-sync"}); err != nil || a.Accepted || !strings.Contains(a.Message, "Still: alice paused all workflows of acme/site") {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestWhatIsUnderWayIsFollowed(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch, local}})
	b.fail("failure")
	b.want(Verifying)
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	b.work()
	b.want(Verifying)
	b.end(b.dispatched()[0], "failure")
	b.observe(b.dispatched()[0].ID)
	b.want(Suppressed) // the next step does not begin
	if n := b.effects()[kindRun]; n != 0 {
		t.Fatal("the next step has begun")
	}
	b.resume(ResumeRequest{Repo: b.at, Actor: "alice"})
	b.want(Recovered)
}

func TestAPersonPassesAPause(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	b.fail("failure")
	inc := b.want(Suppressed)
	if a, err := b.engine.Recover(b.ctx, queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "bob"}); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	b.work()
	b.want(Verifying)
}

func TestASuccessMeanwhileClosesWhatIsPaused(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	b.fail("failure")
	b.want(Suppressed)
	b.clock.Advance(time.Second)
	y := b.run(primaryPath, "schedule", "success")
	b.observe(y.ID)
	b.want(Healthy)
	if len(b.effects()) != 0 {
		t.Errorf("effects %v", b.effects())
	}
}

// A pause that a person was told of is in force, even when the step was on the way.
func TestAPauseBetweenTheGateAndTheClaim(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	inc := &store.Incident{RepoID: b.at.ID, WorkflowPath: primaryPath, OccurrenceKey: "k"}
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		_, ok, err := b.engine.acquire(ctx, tx, inc, 1, 2)
		if ok {
			t.Error("the claim was granted")
		}
		return err
	})
	if err == nil {
		t.Error("the step was not put off")
	}
	inc.Forced = true
	err = b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		if err := b.engine.passPauses(ctx, tx, inc); err != nil {
			return err
		}
		_, ok, err := b.engine.acquire(ctx, tx, inc, 1, 2)
		if !ok {
			t.Error("a person's request was held back")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPausesOfOneScopeReplaceEachOther(t *testing.T) {
	b := newBench(t, config.Workflow{})
	b.pause(PauseRequest{Repo: b.at, Target: "marketing-sync", For: time.Hour, Actor: "alice"})
	b.pause(PauseRequest{Repo: b.at, Target: "marketing-sync", For: time.Hour, Actor: "bob", Key: "k"})
	b.pause(PauseRequest{Repo: b.at, Target: "marketing-sync", For: time.Hour, Actor: "bob", Key: "k"})
	b.pause(PauseRequest{Repo: b.at, For: 2 * time.Hour, Actor: "carol"})
	list, err := b.engine.Pauses(b.ctx, false)
	if err != nil || len(list) != 2 || list[0].Actor != "bob" || !list[0].Active || list[1].Scope != store.PauseRepository {
		t.Fatalf("%+v, %v", list, err)
	}
	past, err := b.engine.Pauses(b.ctx, true)
	if err != nil || len(past) != 3 || past[2].EndedBy != "bob" {
		t.Fatalf("%+v, %v", past, err)
	}
	status, err := b.engine.Status(b.ctx, b.at.ID)
	if err != nil || status.Workflows[0].Paused == nil || status.Workflows[0].Paused.Actor != "carol" {
		t.Errorf("%+v, %v", status.Workflows, err)
	}
	// Each of them at its own time, and the number ends one that is yet to come.
	b.pause(PauseRequest{Repo: b.at, From: b.clock.Now().Add(48 * time.Hour), Actor: "dave"})
	if a := b.resume(ResumeRequest{Repo: b.at, Actor: "alice"}); !strings.Contains(a.Message, "pause 4 begins at") {
		t.Errorf("%s", a.Message)
	}
	b.resume(ResumeRequest{ID: 4, Actor: "alice"})
	if list, err = b.engine.Pauses(b.ctx, false); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestBoundsOfAPause(t *testing.T) {
	b := newBench(t, config.Workflow{})
	now := b.clock.Now()
	for name, tc := range map[string]struct {
		r    PauseRequest
		says string
	}{
		"a year":               {PauseRequest{Repo: b.at, For: MaxPause}, ""},
		"more than a year":     {PauseRequest{Repo: b.at, For: MaxPause + time.Second}, "a year"},
		"begins in a year":     {PauseRequest{Repo: b.at, From: now.Add(MaxPause)}, ""},
		"begins later":         {PauseRequest{Repo: b.at, From: now.Add(MaxPause + time.Second)}, "a year"},
		"ends before it begin": {PauseRequest{Repo: b.at, From: now.Add(time.Hour), Until: now.Add(time.Minute)}, "before it begins"},
		"began in the past":    {PauseRequest{Repo: b.at, From: now.Add(-time.Hour), For: time.Minute}, ""},
		"no such workflow":     {PauseRequest{Repo: b.at, Target: "nothing"}, "Did you mean"},
		"no repository":        {PauseRequest{Target: "marketing-sync"}, "Which repository"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := b.engine.Pause(b.ctx, tc.r)
			if err != nil || a.Accepted != (tc.says == "") || !strings.Contains(a.Message, tc.says) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func TestPauseButton(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	x := b.fail("failure")
	inc := b.want(Exhausted)
	if diff := cmp.Diff([]string{"recover", "pause"}, b.buttons(x.HeadSHA)); diff != "" {
		t.Fatal(diff)
	}
	press := queue.PauseTarget{Repo: b.at, Target: "something-else", Actor: "alice", IncidentID: inc.ID, DeliveryID: "d1"}
	b.enqueue(press.Item())
	b.work()
	b.enqueue(press.Item()) // the same delivery once more
	b.work()
	list, err := b.engine.Pauses(b.ctx, true)
	if err != nil || len(list) != 1 || list[0].Workflow != primaryPath || list[0].Until == nil || list[0].Until.Sub(list[0].From) != 24*time.Hour {
		t.Fatalf("%+v, %v", list, err)
	}
	if diff := cmp.Diff([]string{"recover", "resume"}, b.buttons(x.HeadSHA)); diff != "" {
		t.Fatal(diff)
	}
	press.Resume, press.DeliveryID = true, "d2"
	b.enqueue(press.Item())
	b.work()
	if diff := cmp.Diff([]string{"recover", "pause"}, b.buttons(x.HeadSHA)); diff != "" {
		t.Fatal(diff)
	}
}

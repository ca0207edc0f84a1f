package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// works is a run of the schedule that GitHub starts now, and that does its work.
func (b *bench) works() *githubtest.Run {
	b.Helper()
	x := b.come()
	b.begin(x)
	b.end(x, "success")
	b.observe(x.ID)
	return x
}

// The tick of an hourly schedule is made up for, and its run comes eleven hours
// later, between those of newer ticks: its guard tells it to skip.
func TestHourlyTickDeliveredElevenHoursLate(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}}, "0 * * * *")
	b.until(tick.Add(62 * time.Minute))
	b.fallbackWorked()
	b.until(tick.Add(65 * time.Minute))
	b.works()
	for i := 2; i <= 11; i++ {
		b.until(tick.Add(time.Duration(i)*time.Hour + time.Minute))
		b.works()
	}
	b.until(tick.Add(11*time.Hour + 17*time.Minute))
	b.skipsByGuard(b.come())
	b.pass(time.Hour)
	done := b.ofState(Recovered)
	if len(done) != 1 || !done[0].Tick.Equal(tick) || b.incident(done[0].ID).Late != latePrimarySkipped {
		t.Errorf("recovered: %+v", done)
	}
}

// The runs of a silence of an hour come two hours later, all at once and
// without a guard: what was done in their place may have been done twice.
func TestDenseTicksDeliveredTwoHoursLate(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}}, "*/15 * * * *")
	b.until(tick.Add(63 * time.Minute))
	b.fallbackWorked()
	done := b.ofState(Recovered)
	if len(done) != 1 {
		t.Fatalf("%d recovered", len(done))
	}
	for i := 5; i <= 12; i++ {
		b.until(tick.Add(time.Duration(i)*15*time.Minute + 30*time.Second))
		b.works()
	}
	b.pass(7 * time.Minute)
	for range 4 {
		b.works()
	}
	b.pass(time.Hour)
	if inc := b.incident(done[0].ID); inc.Late != latePrimaryDuplicate {
		t.Errorf("late primary %q", inc.Late)
	}
}

// A run that comes shortly before the next tick is that of its own, late, and
// takes nothing from the next.
func TestRunBeforeTheNextTick(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupAll}, Recover: []config.Step{dispatch}}, "0 * * * *")
	b.until(tick.Add(58*time.Minute + 30*time.Second))
	first := b.works()
	b.until(tick.Add(63 * time.Minute))
	second := b.works()
	b.pass(10 * time.Minute)
	for x, want := range map[*githubtest.Run]time.Time{first: tick, second: tick.Add(time.Hour)} {
		if r, _, err := store.LatestAttempt(b.ctx, b.store.Read(), b.at.ID, x.ID); err != nil || !r.TickAt.Time().Equal(want) {
			t.Errorf("the run of %s answers %s: %v", r.CreatedAt.Time(), r.TickAt.Time(), err)
		}
	}
	if n := b.effects()[kindDispatch]; n != 0 {
		t.Errorf("two ticks, two runs, and %d more", n)
	}
}

// The default branch is renamed after the tick's run, of which no webhook told.
func TestRunOfAFormerDefaultBranch(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(time.Minute))
	x, err := b.repo.StartRun(primaryPath, schedule.Event)
	if err != nil {
		t.Fatal(err)
	}
	b.end(x, "success")
	if _, err := b.repo.Push("trunk", map[string]string{"x": "y"}, "z"); err != nil {
		t.Fatal(err)
	}
	b.repo.SetDefaultBranch("trunk")
	err = b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: b.at.ID, InstallationID: b.at.InstallationID, Owner: "acme", Name: "site", DefaultBranch: "trunk", SeenAt: b.engine.now()}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.until(tick.Add(2 * time.Hour))
	b.want(Healthy)
	if len(b.effects()) != 0 {
		t.Errorf("done twice: %v", b.effects())
	}
}

// With catchup all a tick is made up for although newer ones have their runs.
func TestCatchupAllThoughNewerOnesCame(t *testing.T) {
	for name, c := range map[string]struct {
		cron  string
		every time.Duration
		flow  config.Schedule
	}{
		"every ten minutes":   {"*/10 * * * *", 10 * time.Minute, config.Schedule{Catchup: config.CatchupAll}},
		"grace over a period": {"0 * * * *", time.Hour, config.Schedule{Catchup: config.CatchupAll, Grace: config.Duration(70 * time.Minute)}},
	} {
		t.Run(name, func(t *testing.T) {
			b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Schedule: c.flow, Recover: []config.Step{dispatch}}, c.cron)
			for i := 1; b.clock.Now().Before(tick.Add(2 * time.Hour)); i++ { // all come in time but the first
				b.until(tick.Add(time.Duration(i)*c.every + 30*time.Second))
				b.works()
			}
			if inc := b.only(); !inc.Tick.Equal(tick) || b.effects()[kindDispatch] != 1 {
				t.Errorf("%s of %s, effects %v", inc.State, inc.Tick, b.effects())
			}
		})
	}
}

// Somebody starts the workflow by hand for a tick that is missing; that ends
// it. When its run works after all, that may have been twice.
func TestMadeUpForByHand(t *testing.T) {
	for _, event := range []string{"workflow_dispatch", "push"} {
		t.Run(event, func(t *testing.T) {
			b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			b.until(tick.Add(70 * time.Minute))
			b.want(InDoubt)
			x, err := b.repo.StartRun(primaryPath, event)
			if err != nil {
				t.Fatal(err)
			}
			b.end(x, "success")
			b.observe(x.ID)
			b.want(Healthy)
			if b.tickOutcome(tick) != store.TickMissed {
				t.Errorf("tick %s", b.tickOutcome(tick))
			}
			if n := b.counted(); n["suspected"] != 1 || n["missed"] != 1 {
				t.Errorf("counted as %v", n)
			}
			b.until(tick.Add(11 * time.Hour))
			b.works()
			if inc := b.want(Healthy); inc.Late != latePrimaryDuplicate || len(reasons(inc, "duplicate possible")) != 1 {
				t.Errorf("late primary %q", inc.Late)
			}
		})
	}
}

// The answer to an event of another system makes up for nothing.
func TestOtherEventsMakeUpForNothing(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
	b.until(tick.Add(10 * time.Second))
	x, err := b.repo.StartRun(primaryPath, "repository_dispatch")
	if err != nil {
		t.Fatal(err)
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.until(tick.Add(62 * time.Minute))
	if b.want(Verifying); b.effects()[kindDispatch] != 1 {
		t.Errorf("effects %v", b.effects())
	}
}

// A run that asked for the claim and was late is no duplicate of itself.
func TestLateGuardedRunIsNoDuplicate(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
	b.until(tick.Add(30 * time.Minute))
	b.want(Suspected)
	x := b.come()
	b.begin(x)
	if got := b.guard(x); !got.Granted {
		t.Fatalf("%+v", got)
	}
	b.end(x, "success")
	b.observe(x.ID)
	b.observe(x.ID)
	if inc := b.want(Healthy); inc.Late != "" {
		t.Errorf("late primary %q", inc.Late)
	}
}

// The App is installed anew between the fallback's success and the late run:
// the repository and the tick are the same, and so is their work.
func TestLateRunAfterANewInstallation(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Effect: config.Guarded, Recover: []config.Step{dispatch}})
	b.until(tick.Add(62 * time.Minute))
	b.fallbackWorked()
	inc := b.want(Recovered)
	if err := b.gh.Uninstall(b.at.InstallationID); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	b.at.InstallationID = b.gh.Install("acme")
	b.listed("site")
	b.watch()
	b.until(tick.Add(11 * time.Hour))
	b.skipsByGuard(b.come())
	if inc = b.incident(inc.ID); inc.Late != latePrimarySkipped {
		t.Errorf("late primary %q", inc.Late)
	}
	b.only()
}

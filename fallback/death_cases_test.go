package fallback

import (
	"fmt"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

// deathCase is a story that a process may die in at any point.
type deathCase struct {
	name string
	// begin makes the world; nothing dies yet.
	begin func(t *testing.T) (b *bench, tick time.Time)
	// story is what GitHub, guards and people do. It says nothing of how the
	// process is doing, and waits long enough for one that dies once.
	story func(b *bench, tick time.Time)
	// fleet tells the story instead where it is one of several repositories.
	fleet func(t *testing.T) (f *fleet, story func())
	// want are the undisturbed run's incidents and effects.
	want []string
}

func ticking(flow config.Workflow) func(t *testing.T) (*bench, time.Time) {
	return func(t *testing.T) (*bench, time.Time) { return newTickBench(t, flow) }
}

func standing(flow config.Workflow) func(t *testing.T) (*bench, time.Time) {
	return func(t *testing.T) (*bench, time.Time) { b := newKnownBench(t, flow); return b, b.clock.Now() }
}

// live lets time pass up to a moment, in which the runs that we have started go well.
func (b *bench) live(until time.Time) {
	b.Helper()
	for b.clock.Now().Before(until) {
		step := 5 * time.Minute
		if b.incidents() > 0 && len(b.ofState(Suspected, Failing, Recovering, Verifying)) == 0 {
			step = time.Hour
		}
		b.pass(min(step, until.Sub(b.clock.Now())))
		for _, x := range b.repo.Runs() {
			if x.Status() != "completed" && (x.Actor == "redundancy[bot]" || x.Attempt() > 1) {
				b.end(x, "success")
				b.observe(x.ID)
			}
		}
	}
}

// comesLate is the tick's own run, which works, or asks its guard before.
func (b *bench) comesLate(guarded bool) {
	b.Helper()
	x := b.come()
	if guarded {
		b.skipsByGuard(x)
		return
	}
	b.begin(x)
	b.end(x, "success")
	b.observe(x.ID)
}

// decide is a person's click on the button of every incident that waits for one.
func (b *bench) decide() {
	b.Helper()
	for _, inc := range b.ofState(InDoubt) {
		b.enqueue(queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "mona", DeliveryID: fmt.Sprint("click on ", inc.ID)}.Item())
	}
	b.work()
}

var deathCases = []deathCase{
	{
		name:  "missed, guarded",
		begin: ticking(config.Workflow{Effect: config.Guarded, Recover: []config.Step{rerun, dispatch}}),
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(11 * time.Hour))
			b.comesLate(true)
			b.live(tick.Add(12 * time.Hour))
		},
		want: []string{"missed recovered skipped", "dispatch 1"},
	},
	{
		name:  "missed, idempotent",
		begin: ticking(config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}}),
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(11 * time.Hour))
			b.comesLate(false)
			b.live(tick.Add(12 * time.Hour))
		},
		want: []string{"missed recovered duplicate_possible", "dispatch 1"},
	},
	{
		name:  "missed, the late run is cancelled",
		begin: ticking(config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}, Recover: []config.Step{dispatch}}),
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(11 * time.Hour))
			b.observe(b.come().ID)
			b.live(tick.Add(12 * time.Hour))
		},
		want: []string{"missed recovered cancelled", "cancel 1", "dispatch 1"},
	},
	{
		name:  "missed, at most once",
		begin: ticking(config.Workflow{Recover: []config.Step{rerun, dispatch}}),
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(2 * time.Hour))
			b.decide()
			b.live(tick.Add(11 * time.Hour))
			b.comesLate(false)
			b.live(tick.Add(12 * time.Hour))
		},
		want: []string{"missed recovered duplicate_possible", "dispatch 1"},
	},
	{
		name: "missed, all are made up for",
		begin: func(t *testing.T) (*bench, time.Time) {
			return newEveryBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupAll}, Recover: []config.Step{dispatch}}, "0 */2 * * *")
		},
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(4*time.Hour + time.Minute))
			for range 3 { // it works again, and the run that comes is the third tick's
				b.comesLate(false)
				b.live(b.clock.Now().Add(2 * time.Hour))
			}
		},
		want: []string{"missed recovered", "missed recovered", "dispatch 2"},
	},
	{
		name:  "missed, and then a person pauses",
		begin: ticking(config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}}),
		story: func(b *bench, tick time.Time) {
			b.live(tick.Add(30 * time.Minute))
			b.pause(PauseRequest{Repo: b.at, Target: "marketing-sync", Actor: "mona", For: 8 * time.Hour, Key: "pause"})
			b.live(tick.Add(3 * time.Hour))
			b.resume(ResumeRequest{Repo: b.at, Target: "marketing-sync", Actor: "mona", Key: "resume"})
			b.live(tick.Add(5 * time.Hour))
		},
		want: []string{"missed recovered", "dispatch 1"},
	},
	{
		name:  "stalled",
		begin: standing(config.Workflow{Recover: []config.Step{rerun}}),
		story: func(b *bench, now time.Time) {
			b.queued("schedule")
			b.live(now.Add(2 * time.Hour))
		},
		want: []string{"stalled recovered", "cancel 1", "rerun 1"},
	},
	{
		name:  "stalled, and force is needed",
		begin: standing(config.Workflow{Recover: []config.Step{rerun}}),
		story: func(b *bench, now time.Time) {
			x := b.queued("schedule")
			x.SetCancel(githubtest.Ignored, githubtest.Obeyed)
			b.live(now.Add(2 * time.Hour))
		},
		want: []string{"stalled recovered", "cancel 1", "force-cancel 1", "rerun 1"},
	},
	{
		name:  "orphan",
		begin: standing(config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}}),
		story: func(b *bench, now time.Time) {
			x := b.queued("schedule")
			x.DropJobs()
			x.SetCancel(githubtest.Refused, githubtest.Refused)
			b.live(now.Add(2 * time.Hour))
			b.step(x, "Sync")
			b.observe(x.ID)
			b.end(x, "failure")
			b.observe(x.ID)
			b.live(now.Add(3 * time.Hour))
		},
		want: []string{"stalled recovered duplicate_possible", "dispatch 1"},
	},
	{
		name: "absent push",
		begin: func(t *testing.T) (*bench, time.Time) {
			b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}})
			return b, b.clock.Now()
		},
		story: func(b *bench, now time.Time) {
			b.pushMain("feature")
			b.live(now.Add(2 * time.Hour))
			late := b.startPushed()
			b.step(late, "Deploy")
			b.observe(late.ID)
			b.end(late, "success")
			b.observe(late.ID)
			b.live(now.Add(3 * time.Hour))
		},
		want: []string{"absent recovered duplicate_possible", "dispatch 1"},
	},
	{
		name:  "switched off for inactivity",
		begin: ticking(config.Workflow{Recover: []config.Step{dispatch}}),
		story: func(b *bench, tick time.Time) {
			if err := b.repo.DisableWorkflow(primaryPath, workflowInactive); err != nil {
				b.Fatal(err)
			}
			b.live(tick.Add(3 * time.Hour))
		},
		want: []string{"disabled recovered", "missed recovered", "dispatch 1", "enable 1"},
	},
	{
		name:  "failed while it held the claim",
		begin: standing(config.Workflow{Recover: []config.Step{dispatch}}),
		story: func(b *bench, now time.Time) {
			x := b.begun("push")
			b.guard(x)
			b.end(x, "failure")
			b.observe(x.ID)
			b.pass(11 * time.Minute) // the fallback's guard asks for the same
			for _, child := range b.dispatched() {
				b.guard(child)
			}
			b.live(now.Add(2 * time.Hour))
		},
		want: []string{"failed recovered", "dispatch 1"},
	},
	{
		name: "upstream, and the drain after it",
		fleet: func(t *testing.T) (*fleet, func()) {
			f := newFleet(t, 4, config.Workflow{Recover: []config.Step{rerun}, Effect: config.Idempotent})
			return f, func() {
				f.share = 1
				for _, path := range []string{primaryPath, secondPath, thirdPath} {
					f.start(f.repos[0], path)
				}
				f.turn(time.Second)
				// Of the second repository's two only the later one is wanted in the
				// end; the newest of all are the probes.
				for _, i := range []int{1, 1, 2, 3} {
					f.start(f.repos[i], primaryPath)
					f.turn(10 * time.Second)
				}
				f.share = 0
				for range 20 {
					f.turn(20 * time.Second)
				}
			}
		},
		want: []string{
			"failed recovered", "failed recovered", "failed recovered", "failed recovered", "failed recovered", "failed recovered",
			"failed superseded", "upstream healthy", "rerun 6",
		},
	},
}

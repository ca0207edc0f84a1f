package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// newTickBench is a bench whose workflows are enrolled, at the last minute
// before a tick of marketing-sync, which comes daily at 06:00.
func newTickBench(t *testing.T, flow config.Workflow) (*bench, time.Time) {
	t.Helper()
	b := newKnownBench(t, flow)
	tick := b.toTick("0 6 * * *")
	b.watch()
	return b, tick
}

// toTick lets time pass until a minute before the next tick of a schedule, and
// a minute at least, so that the process has been up for a while.
func (b *bench) toTick(cron string) time.Time {
	b.Helper()
	next, ok := schedule.Compile([]config.Cron{{Spec: cron}}).Next(b.clock.Now().Add(2 * time.Minute))
	if !ok {
		b.Fatal("no tick comes")
	}
	b.until(next.At.Add(-time.Minute))
	return next.At
}

// until lets time pass up to a moment.
func (b *bench) until(t time.Time) {
	b.Helper()
	b.pass(t.Sub(b.clock.Now()))
}

// come is the tick's run, as its first webhook tells of it.
func (b *bench) come() *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(primaryPath, schedule.Event)
	if err != nil {
		b.Fatal(err)
	}
	b.see(x)
	return x
}

// see is a webhook about a run of which nothing is concluded but that it is there.
func (b *bench) see(x *githubtest.Run) {
	b.Helper()
	r, err := runs.Get(b.ctx, b.client(), b.at, x.ID)
	if err != nil {
		b.Fatal(err)
	}
	b.survive(func() error {
		return b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return b.engine.Seen(ctx, tx, b.at, r.Row(b.at.ID, b.engine.now())) })
	})
	b.work()
}

// begin has a run begin its first step.
func (b *bench) begin(x *githubtest.Run) {
	b.Helper()
	if err := x.Step("build", "Set up job"); err != nil {
		b.Fatal(err)
	}
	b.see(x)
}

// fallbackWorked is the end of the fallback run that was dispatched.
func (b *bench) fallbackWorked() {
	b.Helper()
	runs := b.dispatched()
	if len(runs) != 1 {
		b.Fatalf("%d runs were dispatched", len(runs))
	}
	b.end(runs[0], "success")
	b.observe(runs[0].ID)
}

// reasons are those on the timeline that begin with a text.
func reasons(inc Incident, begin string) []string {
	var out []string
	for _, e := range inc.Timeline {
		if strings.HasPrefix(e.Reason, begin) {
			out = append(out, e.Reason)
		}
	}
	return out
}

func (b *bench) tickOutcome(at time.Time) store.TickOutcome {
	b.Helper()
	t, _, err := store.ReadTick(b.ctx, b.store.Read(), b.at.ID, primaryPath, store.MillisOf(at), "0 6 * * *|UTC")
	if err != nil {
		b.Fatal(err)
	}
	return t.Outcome
}

// guardedFile asks for the claim before it does anything, and heeds the answer.
var guardedFile = map[string]string{primaryPath: `on: {schedule: [{cron: '0 6 * * *'}]}
jobs:
  build:
    runs-on: x
    steps:
      - {id: guard, uses: redundancy-app/redundancy/guard@v1, with: {server: "https://r.example", token: "${{ secrets.GUARD }}"}}
      - {if: steps.guard.outputs.proceed == 'true', run: post}
`}

// The first acceptance test: a tick is dropped, its work is done in its place,
// and GitHub delivers it eleven hours late. The work is done once, or it is
// said that it may have been done twice.
func TestTickDroppedAndDeliveredElevenHoursLate(t *testing.T) {
	for name, c := range map[string]struct {
		flow  config.Workflow
		files map[string]string
		// before happens once the tick counts as missed.
		before func(b *bench)
		// late is what the late run does.
		late func(b *bench, x *githubtest.Run)
		want string // late_primary
		work int    // how often the work was done
	}{
		"guarded by declaration": {
			flow: config.Workflow{Effect: config.Guarded},
			late: func(b *bench, x *githubtest.Run) { b.skipsByGuard(x) }, want: latePrimarySkipped, work: 1,
		},
		"guarded by its file": {
			files: guardedFile,
			late:  func(b *bench, x *githubtest.Run) { b.skipsByGuard(x) }, want: latePrimarySkipped, work: 1,
		},
		"unguarded": {
			flow: config.Workflow{Effect: config.Idempotent},
			late: func(b *bench, x *githubtest.Run) { b.begin(x); b.end(x, "success"); b.observe(x.ID) }, want: latePrimaryDuplicate, work: 2,
		},
		"unguarded, and it fails": {
			flow: config.Workflow{Effect: config.Idempotent},
			late: func(b *bench, x *githubtest.Run) { b.begin(x); b.end(x, "failure"); b.observe(x.ID) }, want: latePrimaryDuplicate, work: 2,
		},
		"guarded, and the guard could not ask": {
			flow: config.Workflow{Effect: config.Guarded},
			late: func(b *bench, x *githubtest.Run) { b.begin(x); b.end(x, "success"); b.observe(x.ID) }, want: latePrimaryDuplicate, work: 2,
		},
		"cancelled": {
			flow: config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}},
			late: func(b *bench, x *githubtest.Run) {
				b.pass(time.Minute)
				if x.Conclusion() != "cancelled" {
					b.Errorf("the late run is %s", x.Status())
				}
				b.observe(x.ID)
			}, want: latePrimaryCancelled, work: 1,
		},
		"cancelled too late": {
			flow: config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}},
			late: func(b *bench, x *githubtest.Run) { b.begin(x); b.end(x, "success"); b.observe(x.ID) }, want: latePrimaryDuplicate, work: 2,
		},
		"not to be cancelled": {
			flow: config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Late: config.LateCancel}},
			late: func(b *bench, x *githubtest.Run) {
				b.pass(12 * time.Minute)
				if n := b.gh.Count("actions/cancel-workflow-run"); n < 2 || n > 4 {
					b.Errorf("asked to cancel %d times", n)
				}
				b.begin(x)
				b.end(x, "success")
				b.observe(x.ID)
			}, want: latePrimaryDuplicate, work: 2,
		},
		"at most once, a person decides": {
			before: func(b *bench) {
				inc := b.want(InDoubt)
				if diff := cmp.Diff([]string{"rerun skipped"}, steps(inc)); diff != "" || len(b.effects()) != 0 {
					b.Fatalf("%s, effects %v", diff, b.effects())
				}
				if c := b.check(b.repo.Head("main")); c.Conclusion != "action_required" || len(c.Actions) == 0 || c.Actions[0].Identifier != "recover" {
					b.Errorf("check %s with the buttons %v", c.Conclusion, c.Actions)
				}
				if a := b.ask(queue.Recover{Repo: b.at, IncidentID: inc.ID, Actor: "mona"}); !a.Accepted {
					b.Fatal(a.Message)
				}
			},
			late: func(b *bench, x *githubtest.Run) { b.begin(x); b.end(x, "success"); b.observe(x.ID) }, want: latePrimaryDuplicate, work: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.flow.Recover = []config.Step{rerun, dispatch}
			b, tick := newTickBench(t, c.flow)
			if c.files != nil {
				b.enrol(c.files)
			}
			b.until(tick.Add(time.Hour))
			b.want(Suspected)
			if len(b.repo.CheckRuns(b.repo.Head("main"))) != 0 {
				t.Error("a suspicion is shown")
			}
			b.pass(90 * time.Second)
			if c.before != nil {
				c.before(b)
			}
			b.want(Verifying)
			b.fallbackWorked()
			inc := b.want(Recovered)
			if diff := cmp.Diff([]string{"rerun skipped", "dispatch succeeded"}, steps(inc)); diff != "" {
				t.Fatal(diff)
			}

			b.until(tick.Add(11 * time.Hour))
			x, err := b.repo.StartRun(primaryPath, schedule.Event)
			if err != nil {
				t.Fatal(err)
			}
			if name == "not to be cancelled" {
				x.SetCancel(githubtest.Refused, githubtest.Refused)
			}
			if name == "cancelled too late" {
				if err := x.Step("build", "Set up job"); err != nil {
					t.Fatal(err)
				}
			}
			b.see(x)
			c.late(b, x)
			b.pass(6 * time.Hour)
			inc = b.incident(inc.ID)
			b.wantState(inc, Recovered)
			if inc.Late != c.want {
				t.Errorf("late primary is %q, want %q", inc.Late, c.want)
			}
			if n := len(reasons(inc, "duplicate possible")); n != c.work-1 {
				t.Errorf("said %d times that the work may be done twice", n)
			}
			if diff := cmp.Diff(map[string]int{kindDispatch: 1}, b.effects()); diff != "" {
				t.Error(diff)
			}
			for _, other := range b.others(inc.ID) {
				if other.Tick.Equal(tick) || other.Run == x.ID {
					t.Errorf("incident %d of the same tick", other.ID)
				}
			}
			shown := b.check(b.repo.Head("main"))
			if told := strings.Contains(shown.Summary, "may have been done twice"); told != (c.work == 2) || shown.Conclusion != "success" {
				t.Errorf("check %s says %s", shown.Conclusion, shown.Summary)
			}
		})
	}
}

// skipsByGuard is a run whose first step asks for the claim, is told to skip,
// and ends well without having done anything.
func (b *bench) skipsByGuard(x *githubtest.Run) {
	b.Helper()
	b.begin(x)
	if got := b.guard(x); got.Granted || got.State != store.ClaimDone {
		b.Fatalf("the late run was answered %+v", got)
	}
	b.end(x, "success")
	b.observe(x.ID)
}

// others are the incidents beside one.
func (b *bench) others(id int64) []Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		b.Fatal(err)
	}
	var out []Incident
	for _, inc := range list {
		if inc.ID != id && inc.Tick != nil {
			out = append(out, inc)
		}
	}
	return out
}

package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// lossy is an App and a GitHub on one clock that the test moves.
type lossy struct {
	*testing.T
	gh    *githubtest.Server
	repo  *githubtest.Repo
	clock *clockwork.FakeClock
	app   *inProcess
	lose  bool
	lost  int
}

// lossyConfig: one workflow per way that a failure can go.
const lossyConfig = `version: 1
workflows:
  - {file: recovers.yml, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
  - {file: reruns.yml, recover: [{rerun: {attempts: 1}}, {dispatch: {workflow: fallback.yml, ref: main}}]}
  - {file: exhausts.yml, recover: [{dispatch: {workflow: broken.yml, ref: main}}]}
  - {file: heals.yml, recover: [{dispatch: {workflow: broken.yml, ref: main}}]}
  - {file: ticks.yml, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
  - {file: slow.yml, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
  - {file: fine.yml, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
`

func newLossy(t *testing.T) *lossy {
	l := &lossy{T: t, clock: clockwork.NewFakeClockAt(time.Date(2026, 6, 1, 8, 30, 0, 0, time.UTC))}
	var err error
	if l.gh, err = githubtest.Start(githubtest.Config{Clock: l.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.gh.Close(); err != nil {
			t.Error(err)
		}
	})
	files := map[string]string{".github/redundancy.yml": lossyConfig}
	for _, name := range []string{"recovers", "reruns", "exhausts", "heals", "ticks", "slow", "fine", "fallback", "broken"} {
		on := "{push: {}, workflow_dispatch: {}}"
		if name == "ticks" {
			on = "{schedule: [{cron: '10 * * * *'}]}"
		}
		files[".github/workflows/"+name+".yml"] = "name: " + name + "\non: " + on + "\njobs:\n  build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}\n"
	}
	if l.repo, err = l.gh.AddRepo("acme", "site", files); err != nil {
		t.Fatal(err)
	}
	l.app = startInProcessAt(t, l.gh, t.TempDir(), 1, l.clock)
	l.gh.Install("acme")
	l.rest()
	return l
}

// rest waits until nothing is left to do at this moment. While webhooks are
// lost, they vanish without a trace: GitHub never sent them.
func (l *lossy) rest() {
	l.Helper()
	if l.lose {
		l.gh.ReleaseDeliveries(func(held []githubtest.Delivery) []githubtest.Delivery { l.lost += len(held); return nil })
		l.gh.HoldDeliveries()
	} else {
		settle(l.T, l.gh)
	}
	l.app.until(time.Minute, func(ctx context.Context) string {
		if pending, _, err := l.app.store.PendingDeliveries(ctx); err != nil || pending > 0 {
			l.clock.Advance(100 * time.Millisecond) // results are written together, a moment later
			return fmt.Sprintf("%d deliveries are not handled (%v)", pending, err)
		}
		stats, err := l.app.queue.Stats(ctx)
		if err != nil || stats.Running > 0 || !stats.OldestReady.IsZero() {
			return fmt.Sprintf("there is work in the queue: %+v (%v)", stats, err)
		}
		return ""
	})
}

// pass lets time pass, and the runs that our dispatches and re-runs start go on.
func (l *lossy) pass(d time.Duration) {
	l.Helper()
	const step = 30 * time.Second
	for ; d > 0; d -= step {
		l.clock.Advance(min(step, d))
		l.rest()
		for _, x := range l.repo.Runs() {
			if x.Status() == "completed" || x.Actor != "redundancy[bot]" && x.Attempt() == 1 {
				continue
			}
			conclusion := "success"
			if path.Base(x.Workflow) == "broken.yml" {
				conclusion = "failure"
			}
			if err := x.Complete(conclusion); err != nil {
				l.Fatal(err)
			}
		}
	}
	l.rest()
}

func (l *lossy) start(name, event string) *githubtest.Run {
	l.Helper()
	x, err := l.repo.StartRun(name+".yml", event)
	if err == nil {
		err = x.Progress()
	}
	if err != nil {
		l.Fatal(err)
	}
	return x
}

func (l *lossy) end(x *githubtest.Run, conclusion string) {
	l.Helper()
	if err := x.Complete(conclusion); err != nil {
		l.Fatal(err)
	}
}

// hour is what happens in the hour whose webhooks may be lost.
func (l *lossy) hour() {
	l.Helper()
	slow := l.start("slow", "push")
	l.end(l.start("fine", "push"), "success")
	l.end(l.start("recovers", "push"), "failure")
	l.pass(12 * time.Minute)
	l.end(l.start("reruns", "push"), "timed_out")
	l.end(l.start("exhausts", "push"), "failure")
	l.pass(12 * time.Minute)
	heals := l.start("heals", "push")
	l.end(heals, "failure")
	l.pass(18 * time.Minute) // 9:12, past the tick
	l.end(l.start("ticks", "schedule"), "success")
	l.end(l.start("heals", "push"), "success")
	l.end(l.start("fine", "push"), "cancelled")
	l.pass(12 * time.Minute)
	l.end(slow, "failure")
	l.pass(6 * time.Minute)
}

// ending is where it all ended: what is compared between the worlds. Ids
// differ and are left out, as are moments, which may be minutes apart.
type ending struct {
	Incidents, Steps, Claims, Runs, Checks []string
	Effects                                map[string]int
}

func (l *lossy) ending() ending {
	l.Helper()
	o := ending{Effects: map[string]int{}}
	names := map[int64]string{}
	for i, x := range l.repo.Runs() {
		names[x.ID] = fmt.Sprintf("%s %s #%d", path.Base(x.Workflow), x.Event, i)
		o.Runs = append(o.Runs, fmt.Sprintf("%s %s attempt %d %s", path.Base(x.Workflow), x.Event, x.Attempt(), x.Conclusion()))
		known, err := l.app.store.KnownRuns(l.Context(), l.repo.ID, []int64{x.ID})
		if err != nil {
			l.Fatal(err)
		}
		if r, ok := known[x.ID]; ok {
			o.Runs[i] += fmt.Sprintf(", known as attempt %d %s %s, tick %d", r.Attempt, r.Status, r.Conclusion, r.TickAt)
		}
	}
	for _, inc := range l.app.incidents(l.Context()) {
		if inc.ConfirmedAt == 0 {
			continue // a suspicion that came to nothing
		}
		if fallback.Signal(inc.Signal) == fallback.Upstream && fallback.State(inc.State).Settled() {
			continue // that GitHub did not tell is over
		}
		name := path.Base(inc.WorkflowPath)
		o.Incidents = append(o.Incidents, fmt.Sprintf("%s %s %s attempt %d %s: %s", name, inc.Signal, inc.Event, inc.RunAttempt, inc.Conclusion, inc.State))
		steps, err := l.app.store.Steps(l.Context(), inc.ID)
		if err != nil {
			l.Fatal(err)
		}
		for _, st := range steps {
			o.Steps = append(o.Steps, fmt.Sprintf("%s: %d.%d %s %s epoch %d", name, st.StepIndex, st.Try, st.Kind, st.State, st.Epoch))
		}
		c, ok, err := l.app.store.Claim(l.Context(), inc.OccurrenceKey)
		if err != nil {
			l.Fatal(err)
		}
		o.Claims = append(o.Claims, fmt.Sprintf("%s: %v %s epoch %d", name, ok, c.State, c.Epoch))
	}
	for _, c := range l.repo.CheckRuns(l.repo.Head("main")) {
		o.Checks = append(o.Checks, c.Name+": "+c.Status+" "+c.Conclusion)
	}
	for _, op := range []string{"actions/create-workflow-dispatch", "actions/re-run-workflow", "actions/re-run-workflow-failed-jobs", "actions/cancel-workflow-run"} {
		o.Effects[op] = l.gh.Effects(op)
	}
	for _, list := range [][]string{o.Incidents, o.Steps, o.Claims, o.Runs, o.Checks} {
		slices.Sort(list)
	}
	return o
}

func (l *lossy) verdict() {
	l.Helper()
	if dead := l.app.buried(); dead != "" {
		l.Errorf("jobs gave up: %s", dead)
	}
	for _, v := range l.gh.Violations() {
		l.Errorf("GitHub would have refused: %s", v)
	}
}

// TestAnHourWithoutWebhooks: all webhooks of an hour are lost, without a failed
// delivery to ask for, and everything ends as if they had come.
func TestAnHourWithoutWebhooks(t *testing.T) {
	world := func(t *testing.T, lose bool) ending {
		l := newLossy(t)
		l.pass(20 * time.Minute)
		if l.lose = lose; lose {
			l.gh.HoldDeliveries()
		}
		l.hour()
		if lose {
			if l.rest(); l.lost < 20 {
				t.Fatalf("%d webhooks were lost, too few for an hour", l.lost)
			}
			l.lose = false
			l.gh.ReleaseDeliveries(nil)
			missed, err := l.app.store.Moment(t.Context(), store.MomentMissed)
			if err != nil || missed.IsZero() {
				t.Errorf("nobody noticed that webhooks were missing: %v\n%s", err, tail(l.app.log.String(), 20))
			}
		}
		l.pass(20 * time.Minute)
		l.end(l.start("fine", "push"), "success") // GitHub tells again
		l.pass(25 * time.Minute)
		l.verdict()
		return l.ending()
	}
	var with, without ending
	t.Run("with webhooks", func(t *testing.T) { with = world(t, false) })
	t.Run("without", func(t *testing.T) { without = world(t, true) })
	if diff := cmp.Diff(with, without); diff != "" {
		t.Errorf("an hour without webhooks ends differently (-with +without):\n%s", diff)
	}
	// And it is what it should be.
	want := []string{
		"exhausts.yml failed push attempt 1 failure: exhausted",
		"heals.yml failed push attempt 1 failure: healthy",
		"recovers.yml failed push attempt 1 failure: recovered",
		"slow.yml failed push attempt 1 failure: recovered",
	}
	for _, w := range want {
		if !slices.Contains(with.Incidents, w) {
			t.Errorf("incidents\n%s\nlack %s", strings.Join(with.Incidents, "\n"), w)
		}
	}
	if len(with.Incidents) != 5 {
		t.Errorf("%d incidents, want 5:\n%s", len(with.Incidents), strings.Join(with.Incidents, "\n"))
	}
}

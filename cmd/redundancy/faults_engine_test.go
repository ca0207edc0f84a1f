package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// faultStory is what happens to a repository while one of the calls that it
// takes goes wrong.
type faultStory struct {
	name  string
	files map[string]string
	story func(w *lossy)
	// calls are the operations that are spoilt. Of those that are made at
	// several places, the number is how many are, one after the other.
	calls map[string]int
	want  faultEnd
}

// faultEnd is what stands at the end.
type faultEnd struct {
	Incidents, Steps, Runs, Checks []string
	Effects                        map[string]int
	Cancelled                      int // runs
}

const oneJob = "jobs: {build: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"

var faultStories = []faultStory{
	{
		// A tick is dropped and delivered late, and a workflow is switched off.
		name: "missed",
		files: map[string]string{
			".github/workflows/missed.yml":   "on: {schedule: [{cron: '10 9 * * *'}]}\n" + oneJob,
			".github/workflows/off.yml":      "on: {schedule: [{cron: '10 9 * * *'}]}\n" + oneJob,
			".github/workflows/fallback.yml": "on: workflow_dispatch\n" + oneJob,
			".github/redundancy.yml": `version: 1
workflows:
  - {file: missed.yml, effect: idempotent, schedule: {late: cancel}, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
  - {file: off.yml, effect: idempotent, recover: [{dispatch: {workflow: fallback.yml, ref: main}}]}
`,
		},
		story: func(w *lossy) {
			if err := w.repo.DisableWorkflow("off.yml", "disabled_inactivity"); err != nil {
				w.Fatal(err)
			}
			w.till("what is missed is made up for", func() bool { return w.over(3) })
			late, err := w.repo.StartRun("missed.yml", "schedule")
			if err != nil {
				w.Fatal(err)
			}
			w.till("the late run is accounted for", func() bool {
				return late.Status() == "completed" && slices.ContainsFunc(w.app.incidents(w.Context()), func(inc store.Incident) bool { return inc.LatePrimary != "" })
			})
		},
		calls: map[string]int{
			"actions/enable-workflow": 1, "actions/get-workflow": 3, "actions/cancel-workflow-run": 1, "actions/list-workflow-runs": 4,
			"actions/list-workflow-runs-for-repo": 2, "actions/list-jobs-for-workflow-run": 2, "actions/create-workflow-dispatch": 1,
		},
		want: faultEnd{
			Incidents: []string{"missed.yml missed recovered cancelled", "off.yml disabled recovered ", "off.yml missed recovered "},
			Steps:     []string{"missed.yml dispatch succeeded", "off.yml dispatch succeeded", "off.yml enable succeeded"},
			Runs:      []string{"fallback.yml workflow_dispatch #1 success", "fallback.yml workflow_dispatch #1 success", "missed.yml schedule #1 cancelled"},
			Checks:    []string{"redundancy / recover missed completed success", "redundancy / recover off completed success", "redundancy / recover off completed success"},
			Effects:   map[string]int{"actions/create-workflow-dispatch": 2, "actions/enable-workflow": 1},
			Cancelled: 1,
		},
	},
	{
		// A run stays in the queue and has to be forced out of it; another fails
		// with a log.
		name: "stalled",
		files: map[string]string{
			".github/workflows/stalled.yml": "on: push\n" + oneJob,
			".github/workflows/failed.yml":  "on: push\n" + oneJob,
			".github/redundancy.yml":        "version: 1\nworkflows:\n  - {file: stalled.yml, recover: [{rerun: {attempts: 1}}]}\n  - {file: failed.yml, recover: [{rerun: {attempts: 1}}]}\n",
		},
		story: func(w *lossy) {
			stuck, err := w.repo.StartRun("stalled.yml", "push")
			if err != nil {
				w.Fatal(err)
			}
			stuck.SetCancel(githubtest.Ignored, githubtest.Obeyed)
			x := w.start("failed", "push")
			if err := x.Complete("failure", githubtest.Job{Name: "build", Conclusion: "failure", Log: "##[error]the disk is full\n"}); err != nil {
				w.Fatal(err)
			}
			w.till("both are recovered", func() bool { return w.over(2) })
		},
		calls: map[string]int{
			"actions/cancel-workflow-run": 1, "actions/force-cancel-workflow-run": 1, "actions/re-run-workflow": 1, "actions/re-run-workflow-failed-jobs": 1,
			"actions/list-jobs-for-workflow-run-attempt": 3, "actions/download-job-logs-for-workflow-run": 1, "actions/get-workflow-run": 4,
		},
		want: faultEnd{
			Incidents: []string{"failed.yml failed recovered ", "stalled.yml stalled recovered "},
			Steps:     []string{"failed.yml rerun succeeded", "stalled.yml rerun succeeded"},
			Runs:      []string{"failed.yml push #2 success", "stalled.yml push #2 success"},
			Checks:    []string{"redundancy / recover failed completed success", "redundancy / recover stalled completed success"},
			Effects:   map[string]int{"actions/re-run-workflow": 1, "actions/re-run-workflow-failed-jobs": 1},
			Cancelled: 1,
		},
	},
}

// faultScale makes a minute of the engine a second of the test's clock.
const faultScale = 60

// step is a stretch of the test's clock, and the work that falls due in it.
func (l *lossy) step() {
	l.Helper()
	l.clock.Advance(5 * time.Second)
	l.rest()
}

// till lets time pass until something is so.
func (l *lossy) till(what string, holds func() bool) {
	l.Helper()
	for range 150 {
		if holds() {
			return
		}
		l.step()
	}
	for _, inc := range l.app.incidents(l.Context()) {
		l.Logf("incident %d of %s is %s: %s", inc.ID, inc.WorkflowPath, inc.State, inc.Reason)
	}
	l.Fatalf("waited in vain until %s; the server said:\n%s", what, tail(l.app.log.String(), 25))
}

// over says that there are n incidents, and that all have come to their end.
func (l *lossy) over(n int) bool {
	list := l.app.incidents(l.Context())
	return len(list) >= n && !slices.ContainsFunc(list, func(inc store.Incident) bool { return !fallback.State(inc.State).Settled() })
}

// tell plays a story with one fault or none.
func (s *faultStory) tell(t *testing.T, f *githubtest.Fault) (faultEnd, []operation) {
	t.Helper()
	w := &lossy{T: t, clock: clockwork.NewFakeClockAt(time.Date(2026, 6, 1, 9, 9, 30, 0, time.UTC))}
	var err error
	if w.gh, err = githubtest.Start(githubtest.Config{Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	defer w.gh.Close()
	if w.repo, err = w.gh.AddRepo("acme", "site", s.files); err != nil {
		t.Fatal(err)
	}
	w.gh.SetRunner(func(*githubtest.Run) string { return "success" })
	if f != nil {
		w.gh.Fault(*f)
	}
	w.app = startInProcessAt(t, w.gh, t.TempDir(), faultScale, w.clock)
	w.gh.Install("acme")
	w.till("the repository is watched", func() bool {
		list, err := store.WatchesOf(t.Context(), w.app.store.Read(), w.repo.ID)
		return err == nil && len(list) == 2
	})
	w.step() // what was there before is nobody's
	s.story(w)
	for range 12 { // an hour in which nothing must happen any more
		w.step()
	}
	if f != nil && !struck(w.gh) {
		t.Error("the fault has not struck")
	}
	w.verdict()
	end := w.faultEnd()
	w.app.stop()
	return end, operations(w.gh)
}

func (l *lossy) faultEnd() faultEnd {
	l.Helper()
	e := faultEnd{Effects: map[string]int{}}
	for _, inc := range l.app.incidents(l.Context()) {
		name := path.Base(inc.WorkflowPath)
		e.Incidents = append(e.Incidents, fmt.Sprintf("%s %s %s %s", name, inc.Signal, inc.State, inc.LatePrimary))
		steps, err := l.app.store.Steps(l.Context(), inc.ID)
		if err != nil {
			l.Fatal(err)
		}
		for _, st := range steps {
			if st.State != store.StepNotDone && st.State != store.StepNotSent {
				e.Steps = append(e.Steps, fmt.Sprintf("%s %s %s", name, st.Kind, st.State))
			}
		}
	}
	for _, x := range l.repo.Runs() {
		e.Runs = append(e.Runs, fmt.Sprintf("%s %s #%d %s", path.Base(x.Workflow), x.Event, x.Attempt(), x.Conclusion()))
	}
	for _, c := range l.repo.CheckRuns(l.repo.Head("main")) {
		e.Checks = append(e.Checks, c.Name+" "+c.Status+" "+c.Conclusion)
	}
	for _, op := range []string{"actions/create-workflow-dispatch", "actions/enable-workflow", "actions/re-run-workflow", "actions/re-run-workflow-failed-jobs"} {
		if n := l.gh.Effects(op); n > 0 {
			e.Effects[op] = n
		}
	}
	// A wish to cancel may be made again, but it must have been made.
	e.Cancelled = min(1, l.gh.Effects("actions/cancel-workflow-run")+l.gh.Effects("actions/force-cancel-workflow-run"))
	for _, list := range [][]string{e.Incidents, e.Steps, e.Runs, e.Checks} {
		slices.Sort(list)
	}
	return e
}

// believed are answers that say that something was done which was not: no
// fault of the way to GitHub, but one of its own. What is started is awaited
// for hours then; whether a workflow was switched on is looked up at once.
func believed(f githubtest.Fault) bool {
	says := f.Kind == githubtest.Truncate || f.Kind == githubtest.BadJSON
	return says && !f.AfterEffect && (strings.HasPrefix(f.Operation, "actions/re-run") || f.Operation == "actions/force-cancel-workflow-run")
}

// expected is the end after a fault.
func (s *faultStory) expected(f githubtest.Fault) faultEnd {
	want := s.want
	if f.Operation == "actions/enable-workflow" && !f.AfterEffect && (f.Kind == githubtest.Truncate || f.Kind == githubtest.BadJSON) {
		want.Steps = slices.Insert(slices.Clone(want.Steps), 2, "off.yml enable failed") // said to be done, and seen not to be
	}
	return want
}

// cases are all that can go wrong with the calls of a story.
func (s *faultStory) cases(t *testing.T, made []operation) (out []faultCase) {
	for name, times := range s.calls {
		i := slices.IndexFunc(made, func(op operation) bool { return op.name == name })
		if i < 0 || made[i].times < times {
			t.Fatalf("the undisturbed run does not call %s %d times: %v", name, times, made)
		}
		for c, skip := 0, 0; skip < times; skip++ {
			for _, one := range faultCases([]operation{{name, made[i].writes, 1}}) {
				c++
				if skip > 0 && c%4 != skip || believed(one.fault) { // the ways through the code differ little from call to call
					continue
				}
				one.fault.Skip = skip
				one.name = fmt.Sprintf("%s.%d", one.name, skip+1)
				out = append(out, one)
			}
		}
	}
	slices.SortFunc(out, func(a, b faultCase) int { return strings.Compare(a.name, b.name) })
	return out
}

// TestFaultOnEachCallOfTheEngine is TestFaultOnEachCall for what is done about
// ticks that are missed, workflows that are switched off, and runs that hang.
func TestFaultOnEachCallOfTheEngine(t *testing.T) {
	stride, atOnce := 1, 8
	switch {
	case testing.Short():
		stride = 23
	case underRace:
		stride, atOnce = 17, 4
	}
	slots := make(chan struct{}, atOnce)
	for _, s := range faultStories {
		t.Run(s.name, func(t *testing.T) {
			got, made := s.tell(t, nil)
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Fatalf("the undisturbed run ends otherwise (-want +got):\n%s", diff)
			}
			cases := s.cases(t, made)
			var running sync.WaitGroup
			for i := 0; i < len(cases); i += stride {
				c := cases[i]
				slots <- struct{}{}
				running.Go(func() {
					defer func() { <-slots }()
					t.Run(c.name, func(t *testing.T) {
						got, _ := s.tell(t, &c.fault)
						if diff := cmp.Diff(s.expected(c.fault), got); diff != "" {
							t.Errorf("differs from the undisturbed run (-want +got):\n%s", diff)
						}
					})
				})
			}
			running.Wait()
			t.Logf("%d of %d cases", (len(cases)+stride-1)/stride, len(cases))
		})
	}
}

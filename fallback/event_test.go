package fallback

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

const otherPath = ".github/workflows/sync-health.yml" // watched as well

// push puts workflows on the default branch.
func (b *bench) push(files map[string]string) {
	b.Helper()
	if _, err := b.repo.Push("main", files, "workflows"); err != nil {
		b.Fatal(err)
	}
}

func onEvent(name, types string) string {
	return "name: " + name + "\nrun-name: Recover " + name + "\non: {repository_dispatch: {" + types + "}}\n" + plainJobs
}

func byPath(runs []*githubtest.Run) map[string][]*githubtest.Run {
	by := map[string][]*githubtest.Run{}
	for _, x := range runs {
		by[x.Workflow] = append(by[x.Workflow], x)
	}
	return by
}

// of is the incident of a workflow.
func (b *bench) of(workflow string) Incident {
	b.Helper()
	list, err := b.engine.Incidents(b.ctx, Filter{})
	if err != nil {
		b.Fatal(err)
	}
	for _, inc := range list {
		if inc.Workflow == workflow {
			return b.incident(inc.ID)
		}
	}
	b.Fatalf("no incident of %s", workflow)
	return Incident{}
}

// Two incidents send events of two types at once, and nothing in the runs'
// titles tells them apart. Each follows its own run, whoever looks first.
func TestEventsOfTwoIncidents(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"plain":                 {},
		"a list fails":          {Operation: "actions/list-workflow-runs-for-repo", Kind: githubtest.Status, Code: 502},
		"the first answer lost": {Operation: operation[kindRepositoryDispatch], Kind: githubtest.Reset, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			step := func(t string) []config.Step {
				return []config.Step{{RepositoryDispatch: &config.RepositoryDispatch{EventType: t}}}
			}
			b := newBench(t, config.Workflow{Recover: step("a-fallback")})
			b.configs.c.Workflows[1].Recover = step("b-fallback")
			const fallbackA, fallbackB = ".github/workflows/a-fb.yml", ".github/workflows/b-fb.yml"
			b.push(map[string]string{fallbackA: onEvent("A", "types: [a-fallback]"), fallbackB: onEvent("B", "types: [b-fallback]")})
			b.gh.SetDispatchLag(2 * time.Second)
			x, y := b.run(primaryPath, "schedule", "failure"), b.run(otherPath, "push", "failure")
			b.enqueue(queue.ObserveRun{Repo: b.at, RunID: y.ID}.Item(), queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
			if fault.Operation != "" {
				b.gh.Fault(fault)
			}
			b.work()
			if n := b.gh.Count(operation[kindRepositoryDispatch]); n != 1 {
				t.Errorf("%d events are in the air, want 1", n)
			}
			b.pass(time.Minute)
			runs := byPath(b.dispatched())
			if len(runs[fallbackA]) != 1 || len(runs[fallbackB]) != 1 {
				t.Fatalf("runs %v", runs)
			}
			if got := b.of(primaryPath).Steps[0].Run; got != runs[fallbackA][0].ID {
				t.Errorf("follows %d, want the run of its own fallback", got)
			}
			b.end(runs[fallbackA][0], "failure")
			b.end(runs[fallbackB][0], "success")
			b.observe(runs[fallbackA][0].ID, runs[fallbackB][0].ID)
			b.wantState(b.of(primaryPath), Exhausted)
			b.wantState(b.of(otherPath), Recovered)
		})
	}
}

// A run of a workflow that does not listen to the type is no reaction to it,
// though this App started it by an event.
func TestRunOfAnotherEvent(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	b.push(map[string]string{".github/workflows/else.yml": onEvent("Else", "types: [something-else]")})
	if _, err := b.repo.StartRunAt(".github/workflows/else.yml", "repository_dispatch", "main", "redundancy[bot]"); err != nil {
		t.Fatal(err)
	}
	b.gh.SetDispatchLag(time.Second)
	b.fail("failure")
	b.want(Recovering)
	b.pass(10 * time.Second)
	inc := b.want(Verifying)
	if want := byPath(b.dispatched())[eventPath][0].ID; inc.Steps[0].Run != want {
		t.Errorf("follows %d, want %d", inc.Steps[0].Run, want)
	}
}

// Nothing is sent that nobody would hear.
func TestNobodyListens(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{RepositoryDispatch: &config.RepositoryDispatch{}}, local}})
	b.fail("failure")
	inc := b.want(Recovered) // at once, by the next step
	if r := inc.Steps[0].Reason; r != `no workflow listens to "redundancy-fallback" on main; nothing was sent` {
		t.Errorf("reason %q", r)
	}
	if n := b.gh.Count(operation[kindRepositoryDispatch]); n != 0 {
		t.Errorf("sent %d times", n)
	}
}

// A file that cannot be read may listen: the event is sent, and its run counts.
func TestUnreadableWorkflowMayListen(t *testing.T) {
	for name, text := range map[string]string{
		"damaged": "name: X\non: {repository_dispatch: {types: [hey]}}\njobs: {build: {runs-on: x, nonsense: 1, steps: [{run: a}]}}\n",
		"large":   "name: X\non: {repository_dispatch: {types: [hey]}}\n" + plainJobs + "#" + strings.Repeat("x", maxWorkflowFile),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{{RepositoryDispatch: &config.RepositoryDispatch{EventType: "hey"}}}})
			b.push(map[string]string{".github/workflows/x.yml": text})
			b.fail("failure")
			b.want(Verifying)
		})
	}
}

// Workflows that cannot be read keep the event from being sent, for as long as
// they cannot.
func TestListenersCannotBeRead(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	b.gh.Fault(githubtest.Fault{Operation: "git/get-tree", Kind: githubtest.Status, Code: 502, Times: 2})
	b.fail("failure")
	if n := b.gh.Count(operation[kindRepositoryDispatch]); n != 0 {
		t.Errorf("sent %d times", n)
	}
	b.pass(time.Minute)
	b.want(Verifying)
}

// All workflows that react are the step's, and all must succeed.
func TestTwoWorkflowsReact(t *testing.T) {
	const second = ".github/workflows/on-event-too.yml"
	for name, c := range map[string]struct {
		first, second string
		want          State
	}{
		"both succeed":             {"success", "success", Recovered},
		"the first one fails":      {"failure", "success", Exhausted},
		"the second one fails":     {"success", "failure", Exhausted},
		"one is not meant by it":   {"success", "skipped", Recovered},
		"the other is not meant":   {"skipped", "success", Recovered},
		"none of them is meant":    {"skipped", "skipped", Exhausted},
		"one is cancelled":         {"success", "cancelled", Exhausted},
		"one fails, one not meant": {"failure", "skipped", Exhausted},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{event}})
			b.push(map[string]string{second: workflows[eventPath]})
			b.configs.c.Workflows = append(b.configs.c.Workflows, config.Workflow{File: second})
			b.fail("failure")
			inc := b.want(Verifying)
			runs := byPath(b.dispatched())
			if !strings.Contains(string(inc.Steps[0].Evidence), `"also"`) {
				t.Errorf("evidence %s", inc.Steps[0].Evidence)
			}
			b.end(runs[second][0], c.second)
			b.observe(runs[second][0].ID)
			b.want(Verifying) // the other one can still do the work
			b.end(runs[eventPath][0], c.first)
			b.observe(runs[eventPath][0].ID)
			b.want(c.want)
		})
	}
}

// A listener that is disabled is waited for a while, then it is left out.
func TestOneListenerIsSilent(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	b.push(map[string]string{".github/workflows/on-event-too.yml": workflows[eventPath]})
	if err := b.repo.DisableWorkflow("on-event-too.yml", "disabled_manually"); err != nil {
		t.Fatal(err)
	}
	b.fail("failure")
	b.pass(settleEvent - time.Second)
	b.want(Recovering)
	b.pass(time.Second)
	inc := b.want(Verifying)
	if !strings.Contains(string(inc.Steps[0].Evidence), `"silent":[".github/workflows/on-event-too.yml"]`) {
		t.Errorf("evidence %s", inc.Steps[0].Evidence)
	}
	b.succeed()
	b.want(Recovered)
}

// All of the listeners are disabled: the next step's turn comes when no run
// can be expected any more.
func TestNobodyReacts(t *testing.T) {
	for effect, wait := range map[config.Effect]time.Duration{config.Guarded: settleDispatch, config.Idempotent: settleDispatch, config.AtMostOnce: settleOnce, "": settleOnce} {
		t.Run(string(effect), func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{event, local}})
			if err := b.repo.DisableWorkflow(eventPath, "disabled_manually"); err != nil {
				t.Fatal(err)
			}
			b.fail("failure")
			b.pass(wait)
			b.want(Recovering)
			b.pass(pollSettle)
			inc := b.want(Recovered)
			if !strings.Contains(inc.Steps[0].Reason, `no workflow reacted to "marketing-sync-fallback" within`) {
				t.Errorf("reason %q", inc.Steps[0].Reason)
			}
			if diff := cmp.Diff(map[string]int{kindRepositoryDispatch: 1, kindRun: 1}, b.effects()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Two runs of one workflow could be the reaction; the claim in a title tells.
func TestTwoReactionsOfOneWorkflow(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	if _, err := b.repo.StartRunAt(eventPath, "repository_dispatch", "main", "redundancy[bot]"); err != nil {
		t.Fatal(err)
	}
	b.fail("failure")
	inc := b.want(InDoubt)
	if !strings.Contains(inc.Steps[0].Reason, "2 runs could be the reaction") {
		t.Errorf("reason %q", inc.Steps[0].Reason)
	}
	titled := func(id int64, path, title string) *runs.Run {
		r := &runs.Run{Path: path}
		r.ID, r.DisplayTitle = &id, &title
		return r
	}
	list := []*runs.Run{titled(1, "a", "x"), titled(2, "a", "for key1"), titled(3, "b", "x")}
	each, clear := oneEach(list, "key1")
	if !clear || len(each) != 2 || each[0].GetID() != 2 || each[1].GetID() != 3 {
		t.Errorf("%v %v", each, clear)
	}
	if _, clear := oneEach(list, "key2"); clear {
		t.Error("two runs of one workflow are told apart by nothing")
	}
}

// An incident whose job is a dead letter does not stop the events of others for good.
func TestStuckIntentBlocksForAnHour(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{event}})
	b.configs.c.Workflows[1].Recover = []config.Step{event}
	b.crash = pointIntent
	x := b.run(primaryPath, "schedule", "failure")
	b.enqueue(queue.ObserveRun{Repo: b.at, RunID: x.ID}.Item())
	for b.crash != "" {
		job, _ := b.queue.take()
		_ = b.engine.Workers()[job.Kind].Work(b.ctx, job) // dies once
	}
	b.queue.jobs = slices.DeleteFunc(b.queue.jobs, func(j queue.Job) bool { return j.Kind == queue.AdvanceIncident{}.Kind() })
	b.observe(b.run(otherPath, "push", "failure").ID)
	b.wantState(b.of(otherPath), Failing)
	b.queue.jobs = slices.DeleteFunc(b.queue.jobs, func(j queue.Job) bool { return j.Key == "incident:1" })
	b.pass(maxBlocking + pollMin)
	b.wantState(b.of(otherPath), Verifying)
}

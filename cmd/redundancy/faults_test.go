package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// The repository of the fault matrix. The first ladder passes over its re-run,
// since the failure is not the infrastructure's, and dispatches; the second one
// sends an event to which a workflow listens.
var faultFiles = map[string]string{
	".github/workflows/marketing-sync.yml":          demoFile("marketing-sync.yml"),
	".github/workflows/marketing-sync-fallback.yml": demoFile("marketing-sync-fallback.yml"),
	".github/workflows/sync-health.yml":             demoFile("sync-health.yml"),
	".github/workflows/heal.yml":                    "on: {repository_dispatch: {types: [heal]}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n",
	".github/redundancy.yml": `version: 1
workflows:
  - file: marketing-sync.yml
    recover: [{rerun: {attempts: 1, when: [infrastructure]}}, {dispatch: {workflow: marketing-sync-fallback.yml, ref: main}}]
  - file: sync-health.yml
    recover: [{repository_dispatch: {event_type: heal}}]
`,
}

// faultKinds are what can happen to one call. lost marks those that can come
// after the work was done, which is tried for writes.
var faultKinds = []struct {
	name  string
	fault githubtest.Fault
	lost  bool
}{
	{name: "500", fault: githubtest.Fault{Kind: githubtest.Status, Code: http.StatusInternalServerError}, lost: true},
	{name: "502", fault: githubtest.Fault{Kind: githubtest.Status, Code: http.StatusBadGateway}},
	{name: "503-retry-after", fault: githubtest.Fault{Kind: githubtest.Status, Code: http.StatusServiceUnavailable, RetryAfter: time.Second}},
	{name: "reset", fault: githubtest.Fault{Kind: githubtest.Reset}, lost: true},
	{name: "truncate", fault: githubtest.Fault{Kind: githubtest.Truncate}, lost: true},
	{name: "bad-json", fault: githubtest.Fault{Kind: githubtest.BadJSON}, lost: true},
	{name: "primary-403", fault: githubtest.Fault{Kind: githubtest.Primary, RetryAfter: time.Second}},
	{name: "primary-429", fault: githubtest.Fault{Kind: githubtest.Primary, Code: http.StatusTooManyRequests, RetryAfter: time.Second}},
	{name: "secondary-403", fault: githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: time.Second}},
	{name: "secondary-429", fault: githubtest.Fault{Kind: githubtest.Secondary, Code: http.StatusTooManyRequests, RetryAfter: time.Second}},
	{name: "slow", fault: githubtest.Fault{Kind: githubtest.Slow, Delay: 300 * time.Millisecond}},
}

// TestFaultOnEachCall runs the main job once undisturbed, and then once for
// each call that it made and each thing that can go wrong with that call. What
// stands on GitHub at the end must be the same every time.
func TestFaultOnEachCall(t *testing.T) {
	want, calls := runFaultCase(t, nil)
	if diff := cmp.Diff(wantOutcome, want, cmpopts.IgnoreFields(outcome{}, "Validations")); diff != "" {
		t.Fatalf("the undisturbed run ends otherwise (-want +got):\n%s", diff)
	}
	if len(want.Validations) != 1 || strings.Count(want.Validations[0], "\n") < 2 {
		t.Fatalf("the push is not validated once: %q", want.Validations)
	}
	if len(calls) < 15 {
		t.Fatalf("the undisturbed run made these calls only: %v", calls)
	}
	t.Logf("%d operations: %v", len(calls), calls)
	cases, stride := faultCases(calls), 1
	switch {
	case testing.Short():
		stride = 37
	case underRace:
		stride = 7 // it multiplies the processor time, and the other cases take the same ways through the code
	}
	// Most of a case is waiting, so far more of them run than t.Parallel allows,
	// which counts processors. The race detector makes them busy.
	slots := make(chan struct{}, 12)
	if underRace {
		slots = make(chan struct{}, 4)
	}
	var running sync.WaitGroup
	for i := 0; i < len(cases); i += stride {
		c := cases[i]
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			t.Run(c.name, func(t *testing.T) {
				got, _ := runFaultCase(t, &c.fault)
				got.Reactions = withoutEyes(got.Reactions)
				if diff := cmp.Diff(expected(want, c.fault), got); diff != "" {
					t.Errorf("differs from the undisturbed run (-want +got):\n%s", diff)
				}
			})
		})
	}
	running.Wait()
	t.Logf("%d of %d cases", (len(cases)+stride-1)/stride, len(cases))
}

type faultCase struct {
	name  string
	fault githubtest.Fault
}

// faultCases are all that can happen to the first of each of the calls; in the
// long tests to the second and the third one, too.
func faultCases(calls []operation) []faultCase {
	skips := 1
	if os.Getenv("REDUNDANCY_FAULT_ROUNDS") != "" {
		skips = 3
	}
	var out []faultCase
	for _, op := range calls {
		for _, kind := range faultKinds {
			for _, lost := range []bool{false, true} {
				if lost && (!kind.lost || !op.writes) {
					continue
				}
				for skip := range min(skips, op.times) {
					c := faultCase{strings.ReplaceAll(op.name, "/", ".") + "." + kind.name, kind.fault}
					c.fault.Operation, c.fault.AfterEffect, c.fault.Skip = op.name, lost, skip
					if lost {
						c.name += "-after-effect"
					}
					if skip > 0 {
						c.name += fmt.Sprintf("-%d", skip+1)
					}
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// outcome is what stands on GitHub and in the database when all is over.
type outcome struct {
	Validations []string            // of the pushed commit: conclusion and findings
	Recoveries  map[string][]string // conclusions by name of the Check Run
	Dispatches  []string            // runs of the fallback workflow
	Events      []string            // repository_dispatch that GitHub took
	Healed      int                 // runs that reacted to them
	Reruns      int
	Replies     int
	Reactions   []string
	Incidents   []string
	Lost        int    // deliveries that never arrived
	Buried      string // jobs that gave up
}

// expected is the end after a fault: that of the undisturbed run, with two
// exceptions.
func expected(want outcome, f githubtest.Fault) outcome {
	// The eyes are a courtesy that nothing waits for. A fault, or the limit that
	// it set off, may cost them.
	want.Reactions = withoutEyes(want.Reactions)
	// An event that got no clear answer and to which nothing reacted may have
	// reached somebody who is no workflow, so it is not sent again. The ladder
	// has no other step, and a person decides.
	limited := f.Kind == githubtest.Primary || f.Kind == githubtest.Secondary || f.Kind == githubtest.Slow
	if f.Operation == "repos/create-dispatch-event" && !f.AfterEffect && !limited {
		want.Events, want.Healed = nil, 0
		want.Recoveries = maps.Clone(want.Recoveries)
		want.Recoveries["redundancy / recover sync-health"] = []string{"failure"}
		want.Incidents = []string{".github/workflows/marketing-sync.yml recovered", ".github/workflows/sync-health.yml exhausted"}
	}
	return want
}

func withoutEyes(reactions []string) []string {
	return slices.DeleteFunc(slices.Clone(reactions), func(r string) bool { return strings.HasSuffix(r, " eyes") })
}

// wantOutcome is the end of the main job: everything once.
var wantOutcome = outcome{
	Recoveries: map[string][]string{
		"redundancy / recover marketing-sync": {"success"}, "redundancy / recover sync-health": {"success"},
	},
	Dispatches: []string{".github/workflows/marketing-sync-fallback.yml success"},
	Events:     []string{"heal"}, Healed: 1, Replies: 1,
	Reactions: []string{"redundancy[bot] eyes", "redundancy[bot] rocket"},
	Incidents: []string{".github/workflows/marketing-sync.yml recovered", ".github/workflows/sync-health.yml recovered"},
}

// operation is a call that the App makes.
type operation struct {
	name   string
	writes bool
	times  int
}

// runFaultCase is the scenario, with one fault or none. It returns the end
// state and the operations that were called.
func runFaultCase(t *testing.T, f *githubtest.Fault) (outcome, []operation) {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer gh.Close()
	repo, err := gh.AddRepo("acme", "site", faultFiles)
	if err != nil {
		t.Fatal(err)
	}
	gh.AddUser("maintainer")
	gh.SetPermission(repo, "maintainer", "write")
	gh.SetRunner(func(*githubtest.Run) string { return "success" })
	if f != nil {
		gh.Fault(*f)
	}

	// The push happens while the App is down, so that the sweep is in it too.
	gh.SetHook("http://127.0.0.1:9/")
	gh.DropDeliveries(true)
	gh.Install("acme")
	pushed, err := repo.Push("nightly", map[string]string{".github/workflows/nightly-report.yml": demoFile("broken.yml")}, "add nightly report")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := gh.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	p := startInProcess(t, gh, t.TempDir(), 100)
	for _, name := range []string{"marketing-sync.yml", "sync-health.yml"} {
		run, err := repo.StartRun(name, "schedule")
		if err == nil {
			err = run.Complete("failure", githubtest.Job{Name: "post", Conclusion: "failure", Steps: []githubtest.Step{
				{Name: "Set up job", Conclusion: "success"}, {Name: "Run it", Conclusion: "failure"},
			}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	issue := repo.OpenIssue("maintainer", "How is it?")
	if _, err := repo.Comment(issue, "maintainer", "/redundancy status"); err != nil {
		t.Fatal(err)
	}
	head := repo.Head("main")
	complete := func(sha, name string) bool {
		c, ok := repo.CheckRun(sha, name)
		return ok && c.Status == "completed"
	}
	p.until(2*time.Minute, func(ctx context.Context) string {
		switch {
		case !complete(head, "redundancy / recover marketing-sync") || !complete(head, "redundancy / recover sync-health"):
			return "not both recoveries are shown: " + p.resting(ctx) + "\n" + p.buried()
		case !complete(pushed, "redundancy / validate"):
			return "the push is not validated: " + p.resting(ctx) + "\n" + p.buried()
		case len(repo.Comments(issue)) < 2:
			return "the command is not answered: " + p.resting(ctx) + "\n" + p.buried()
		case f != nil && f.Skip == 0 && !struck(gh): // how often a call is made depends on the moment
			return "the fault has not struck"
		}
		// Work makes webhooks, and webhooks make work: at rest is what still
		// rests when none is under way.
		if busy := p.resting(ctx); busy != "" {
			return busy
		}
		if err := gh.Settle(ctx); err != nil {
			return "webhooks are not sent: " + err.Error()
		}
		if n := missing(ctx, gh, p); n > 0 {
			return fmt.Sprintf("%d deliveries did not arrive", n)
		}
		return p.resting(ctx)
	})
	o := outcome{Recoveries: map[string][]string{}, Buried: p.buried(), Lost: missing(t.Context(), gh, p)}
	for _, inc := range p.incidents(t.Context()) {
		o.Incidents = append(o.Incidents, inc.WorkflowPath+" "+inc.State)
	}
	slices.Sort(o.Incidents)
	p.stop() // nothing runs any more, so nothing changes below
	for _, v := range gh.Violations() {
		t.Errorf("GitHub would have refused: %s", v)
	}
	if said := p.log.String(); strings.Contains(said, `"level":"panic"`) || strings.Contains(said, "panicked") {
		t.Errorf("something panicked:\n%s", said)
	}
	o.look(gh, repo, pushed, issue)
	return o, operations(gh)
}

func struck(gh *githubtest.Server) bool {
	return slices.ContainsFunc(gh.Calls(), func(c githubtest.Call) bool { return c.Fault != 0 })
}

// missing counts the webhooks that are not with the App: never answered with
// success, and not stored either. An answer that came too late on a busy machine
// is a failure for GitHub only; the sweep does not ask for what is there.
func missing(ctx context.Context, gh *githubtest.Server, p *inProcess) int {
	n := 0
	for _, guid := range unanswered(gh) {
		if _, err := p.store.Delivery(ctx, guid); err != nil {
			n++
		}
	}
	return n
}

// undelivered counts the webhooks that were never answered with success.
func undelivered(gh *githubtest.Server) int { return len(unanswered(gh)) }

func unanswered(gh *githubtest.Server) (guids []string) {
	arrived := map[string]bool{}
	for _, d := range gh.Deliveries() {
		arrived[d.GUID] = arrived[d.GUID] || d.StatusCode/100 == 2
	}
	for guid, ok := range arrived {
		if !ok {
			guids = append(guids, guid)
		}
	}
	return guids
}

// operations are those that were called, each once, in alphabetical order.
func operations(gh *githubtest.Server) []operation {
	var out []operation
	for _, c := range gh.Calls() {
		at := slices.IndexFunc(out, func(op operation) bool { return op.name == c.Operation })
		switch {
		case at >= 0:
			out[at].times++
		case c.Operation != "":
			out = append(out, operation{c.Operation, c.Method != http.MethodGet && c.Method != http.MethodHead, 1})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	return out
}

// look fills in what stands on GitHub.
func (o *outcome) look(gh *githubtest.Server, repo *githubtest.Repo, pushed string, issue int) {
	for _, c := range repo.CheckRuns(pushed) {
		line := c.Name + " " + c.Conclusion
		for _, a := range c.Annotations {
			line += fmt.Sprintf("\n%s:%d:%d %s %s", a.Path, a.StartLine, a.StartColumn, a.Level, a.Message)
		}
		o.Validations = append(o.Validations, line)
	}
	for _, c := range repo.CheckRuns(repo.Head("main")) {
		o.Recoveries[c.Name] = append(o.Recoveries[c.Name], c.Conclusion)
	}
	for _, r := range repo.Runs() {
		switch r.Event {
		case "workflow_dispatch":
			o.Dispatches = append(o.Dispatches, r.Workflow+" "+r.Conclusion())
		case "repository_dispatch":
			o.Healed++
		}
		o.Reruns += r.Attempt() - 1
	}
	for _, d := range repo.Dispatches() {
		o.Events = append(o.Events, d.EventType)
	}
	for i, c := range repo.Comments(issue) {
		if i > 0 {
			o.Replies++
		}
		for _, r := range c.Reactions {
			o.Reactions = append(o.Reactions, r.User+" "+r.Content)
		}
	}
	slices.Sort(o.Reactions)
}

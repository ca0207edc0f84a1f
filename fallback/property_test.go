package fallback

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// TestAnyInterleaving lets webhooks, the death of the process, lost answers,
// people, guards and the clock come in any order, with jobs done in any order,
// and looks after each event whether something went backwards or two hold the
// same claim.
func TestAnyInterleaving(t *testing.T) {
	reached := map[State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		w.reached = reached
		rt.Repeat(map[string]func(*rapid.T){
			"a run fails":               w.runFails,
			"a run begins":              w.runBegins,
			"a run ends":                w.runEnds,
			"somebody re-runs":          w.rerun,
			"a webhook comes again":     w.webhookAgain,
			"a payload comes late":      w.payloadLate,
			"the queue is worked off":   func(*rapid.T) { w.b.work() },
			"time passes":               w.timePasses,
			"the process dies":          w.dies,
			"a person asks":             w.personAsks,
			"a person pauses":           w.personPauses,
			"a guard asks":              w.guardAsks,
			"somebody reports an epoch": w.reportEpoch,
			"a call goes wrong":         w.callFails,
			"the host's luck changes":   w.hostChanges,
			"":                          w.look,
		})
		w.rest(rt)
	})
	t.Logf("states reached: %v", reached)
	if reached[Recovered] == 0 && !underRace && !testing.Short() { // a few samples may well reach nothing
		t.Error("nothing was ever recovered: the test shows nothing")
	}
}

// world is a bench, and what was last seen of it.
type world struct {
	b        *bench
	rt       *rapid.T
	lines    int // of distinct errors
	reached  map[State]int
	payloads []store.WorkflowRun // of webhooks that were sent

	runs      map[[2]int64]store.WorkflowRun
	steps     map[int64]store.Step
	incidents map[int64]store.Incident
	events    map[int64]int
	epochs    map[string]int64
}

func newWorld(t *testing.T, rt *rapid.T) *world {
	rungs := []config.Step{rerun, {Rerun: &config.Rerun{Attempts: 2}}, dispatch, event, local}
	flow := config.Workflow{
		Effect:  rapid.SampledFrom([]config.Effect{config.Idempotent, config.Guarded, config.AtMostOnce}).Draw(rt, "effect"),
		Recover: rapid.SliceOfN(rapid.SampledFrom(rungs), 1, 3).Draw(rt, "ladder"),
		Breaker: config.Breaker{Failures: rapid.IntRange(1, 3).Draw(rt, "breaker")},
	}
	dir, err := os.MkdirTemp("", "interleaving")
	if err != nil {
		rt.Fatal(err)
	}
	rt.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{
		b: newBench(drawn{TB: t, rt: rt, dir: dir}, flow), rt: rt, runs: map[[2]int64]store.WorkflowRun{}, steps: map[int64]store.Step{},
		incidents: map[int64]store.Incident{}, events: map[int64]int{}, epochs: map[string]int64{},
	}
	w.b.listed("site")
	// Jobs of one key wait for each other; those of different ones come in any order.
	w.b.queue.pick = func(due []queue.Job) int {
		order := make([]int, len(due))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(due[a].Key, due[b].Key) })
		if len(due) == 1 {
			return 0
		}
		return order[rapid.IntRange(0, len(due)-1).Draw(w.rt, "job")]
	}
	return w
}

// drawn is a test of one drawing: rapid tells its end, and prints the story of
// the shortest one that fails only.
type drawn struct {
	testing.TB
	rt  *rapid.T
	dir string
}

func (d drawn) Helper()                      { d.rt.Helper() }
func (d drawn) Log(args ...any)              { d.rt.Log(args...) }
func (d drawn) Logf(f string, args ...any)   { d.rt.Logf(f, args...) }
func (d drawn) Error(args ...any)            { d.rt.Error(args...) }
func (d drawn) Errorf(f string, args ...any) { d.rt.Errorf(f, args...) }
func (d drawn) Fatal(args ...any)            { d.rt.Fatal(args...) }
func (d drawn) Fatalf(f string, args ...any) { d.rt.Fatalf(f, args...) }
func (d drawn) Cleanup(f func())             { d.rt.Cleanup(f) }
func (d drawn) TempDir() string              { return d.dir }

// choose draws one of the runs that there are, nil when none fits.
func (w *world) choose(rt *rapid.T, fits func(*githubtest.Run) bool) *githubtest.Run {
	list := slices.DeleteFunc(w.b.repo.Runs(), func(x *githubtest.Run) bool { return !fits(x) })
	if len(list) == 0 {
		return nil
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(rt, "run")]
}

// tell is the webhook about a run: it may be lost, and it waits in the queue.
func (w *world) tell(rt *rapid.T, x *githubtest.Run) {
	if r, err := runs.Get(w.b.ctx, w.b.client(), w.b.at, x.ID); err == nil {
		w.payloads = append(w.payloads, r.Row(w.b.repo.ID, w.b.engine.now()))
	}
	if rapid.IntRange(0, 4).Draw(rt, "webhook lost") != 0 {
		w.b.enqueue(queue.ObserveRun{Repo: w.b.at, RunID: x.ID, DeliveryID: "d"}.Item())
	}
}

// job fails like another one did, or as none has.
func (w *world) job(rt *rapid.T) githubtest.Job {
	if rapid.Bool().Draw(rt, "as before") {
		return failing(0)
	}
	w.lines++
	return failing(w.lines)
}

func (w *world) begin(rt *rapid.T) *githubtest.Run {
	x, err := w.b.repo.StartRun(primaryPath, rapid.SampledFrom([]string{"push", "schedule", "workflow_run"}).Draw(rt, "event"))
	if err != nil {
		rt.Fatal(err)
	}
	return x
}

func (w *world) end(rt *rapid.T, x *githubtest.Run, conclusion string) {
	if conclusion == "failure" {
		w.b.end(x, conclusion, w.job(rt))
	} else {
		w.b.end(x, conclusion)
	}
	w.tell(rt, x)
}

func (w *world) runFails(rt *rapid.T) {
	w.end(rt, w.begin(rt), "failure")
}

func (w *world) runBegins(rt *rapid.T) {
	x := w.begin(rt)
	if err := x.Progress(); err != nil {
		rt.Fatal(err)
	}
	w.tell(rt, x)
}

func (w *world) runEnds(rt *rapid.T) {
	if x := w.choose(rt, func(x *githubtest.Run) bool { return x.Status() != "completed" }); x != nil {
		w.end(rt, x, rapid.SampledFrom([]string{"success", "failure", "cancelled", "timed_out"}).Draw(rt, "conclusion"))
	}
}

func (w *world) rerun(rt *rapid.T) {
	if x := w.choose(rt, func(x *githubtest.Run) bool { return x.Status() == "completed" && x.Attempt() < 4 }); x != nil {
		if err := x.Rerun("octocat"); err == nil {
			w.tell(rt, x)
		}
	}
}

func (w *world) webhookAgain(rt *rapid.T) {
	if x := w.choose(rt, func(*githubtest.Run) bool { return true }); x != nil {
		w.b.enqueue(queue.ObserveRun{Repo: w.b.at, RunID: x.ID, DeliveryID: "again"}.Item())
	}
}

// payloadLate is what a webhook said at some moment, delivered long after.
func (w *world) payloadLate(rt *rapid.T) {
	if len(w.payloads) == 0 {
		return
	}
	r := rapid.SampledFrom(w.payloads).Draw(rt, "payload")
	err := w.b.store.Update(w.b.ctx, func(ctx ctx, tx *store.Tx) error { return w.b.engine.Seen(ctx, tx, w.b.at, r) })
	if err != nil {
		rt.Fatal(err)
	}
}

func (w *world) timePasses(rt *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 7 * time.Hour}).Draw(rt, "time")
	if rapid.Bool().Draw(rt, "nobody works") {
		w.b.clock.Advance(d) // everything falls due at once
		return
	}
	w.b.pass(d)
}

func (w *world) dies(rt *rapid.T) {
	switch point := rapid.SampledFrom([]string{pointIntent, pointEffect, "now"}).Draw(rt, "point"); point {
	case "now":
		w.b.crash = ""
		w.b.restart()
		if err := w.b.engine.Resume(w.b.ctx); err != nil {
			rt.Fatal(err)
		}
	default:
		w.b.crash = point
	}
}

func (w *world) personAsks(rt *rapid.T) {
	r := queue.Recover{Repo: w.b.at, Actor: "octocat", Target: "marketing-sync", Automated: rapid.Bool().Draw(rt, "automated")}
	if ids := slices.Sorted(maps.Keys(w.incidents)); len(ids) > 0 && rapid.Bool().Draw(rt, "this incident") {
		r.IncidentID = rapid.SampledFrom(ids).Draw(rt, "incident")
	}
	if _, err := w.b.engine.Recover(w.b.ctx, r); err != nil {
		rt.Logf("recover: %v", err) // a call that went wrong
	}
}

func (w *world) personPauses(rt *rapid.T) {
	var err error
	if rapid.Bool().Draw(rt, "resume") {
		_, err = w.b.engine.Unpause(w.b.ctx, ResumeRequest{Repo: w.b.at, Actor: "octocat"})
	} else {
		_, err = w.b.engine.Pause(w.b.ctx, PauseRequest{Repo: w.b.at, Actor: "octocat", For: time.Hour})
	}
	if err != nil {
		rt.Fatal(err)
	}
}

func (w *world) guardAsks(rt *rapid.T) {
	x := w.choose(rt, func(x *githubtest.Run) bool { return x.Status() != "completed" })
	if x == nil {
		return
	}
	r := ClaimRequest{Key: w.b.runKey(x), RepoID: w.b.repo.ID}
	if rapid.Bool().Draw(rt, "own name") {
		r.Owner = fmt.Sprintf("run:%d:%d", x.ID, x.Attempt())
	}
	if _, err := w.b.engine.Claim(w.b.ctx, r); err != nil {
		rt.Logf("claim: %v", err)
	}
}

// reportEpoch says that the work of a claim is done or was not begun, with an
// epoch that may have been overtaken. A lower one than the newest is refused.
func (w *world) reportEpoch(rt *rapid.T) {
	keys := slices.Sorted(maps.Keys(w.epochs))
	if len(keys) == 0 {
		return
	}
	key := rapid.SampledFrom(keys).Draw(rt, "claim")
	before, known, err := w.b.store.Claim(w.b.ctx, key)
	if err != nil || !known {
		return
	}
	epoch := rapid.Int64Range(1, before.Epoch+1).Draw(rt, "epoch")
	r := ClaimRequest{Key: key, RepoID: w.b.repo.ID, Epoch: epoch}
	if rapid.Bool().Draw(rt, "report") {
		r.Owner, r.State = "somebody", rapid.SampledFrom([]store.ClaimState{store.ClaimDone, store.ClaimFree}).Draw(rt, "state")
	}
	got, err := w.b.engine.Claim(w.b.ctx, r)
	if err != nil {
		rt.Logf("claim: %v", err)
		return
	}
	after, _, err := w.b.store.Claim(w.b.ctx, key)
	if err != nil {
		rt.Fatal(err)
	}
	if epoch != before.Epoch && (got.Granted || after.State != before.State) {
		rt.Fatalf("epoch %d of a claim at epoch %d: granted %t, %s became %s", epoch, before.Epoch, got.Granted, before.State, after.State)
	}
}

func (w *world) callFails(rt *rapid.T) {
	w.b.gh.Fault(githubtest.Fault{
		Method:      rapid.SampledFrom([]string{"POST", "GET"}).Draw(rt, "method"),
		PathRegexp:  "/actions/|/dispatches",
		Kind:        rapid.SampledFrom([]githubtest.FaultKind{githubtest.Reset, githubtest.Status}).Draw(rt, "fault"),
		Code:        502,
		AfterEffect: rapid.Bool().Draw(rt, "after the effect"),
	})
}

func (w *world) hostChanges(rt *rapid.T) {
	w.b.actions.mu.Lock()
	defer w.b.actions.mu.Unlock()
	w.b.actions.exit["git-sync"] = rapid.SampledFrom([]int{0, 1, -1}).Draw(rt, "exit")
	w.b.actions.lose = rapid.IntRange(0, 3).Draw(rt, "dies meanwhile") == 0
}

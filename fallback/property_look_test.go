package fallback

import (
	"cmp"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/store"
)

// look compares what is stored with what was.
func (w *world) look(rt *rapid.T) {
	w.b.engine.actions.wg.Wait()
	w.lookAtRuns(rt)
	steps := w.lookAtSteps(rt)
	w.lookAtIncidents(rt)
	w.lookAtClaims(rt, steps)
	w.lookAtEffects(rt, steps)
}

func readAll[T any](w *world, rt *rapid.T, order string) []T {
	var rows []T
	if err := w.b.store.Read().NewSelect().Model(&rows).OrderExpr(order).Scan(w.b.ctx); err != nil {
		rt.Fatal(err)
	}
	return rows
}

// An attempt of a run goes forward through its life, and an end stays.
func (w *world) lookAtRuns(rt *rapid.T) {
	rank := map[string]int{"requested": 1, "queued": 2, "pending": 2, "waiting": 2, "in_progress": 3, "completed": 4}
	for _, r := range readAll[store.WorkflowRun](w, rt, "run_id, attempt") {
		key := [2]int64{r.RunID, int64(r.Attempt)}
		if old, ok := w.runs[key]; ok {
			if rank[r.Status] < rank[old.Status] || old.Completed() && r.Conclusion != old.Conclusion || old.TickAt != 0 && r.TickAt != old.TickAt {
				rt.Fatalf("run %d, attempt %d, went from %s %s to %s %s", r.RunID, r.Attempt, old.Status, old.Conclusion, r.Status, r.Conclusion)
			}
		}
		w.runs[key] = r
	}
}

// finished are the ends of a try: nothing follows.
var finished = []store.StepState{store.StepSucceeded, store.StepFailed, store.StepSkipped, store.StepNotDone, store.StepNotSent, store.StepSuperseded}

func (w *world) lookAtSteps(rt *rapid.T) []store.Step {
	steps := readAll[store.Step](w, rt, "id")
	for _, st := range steps {
		if old, ok := w.steps[st.ID]; ok {
			back := st.State == store.StepIntent && old.State != store.StepIntent
			revived := slices.Contains(finished, old.State) && st.State != old.State
			if back || revived || st.Epoch != old.Epoch || old.RunID != 0 && st.RunID != old.RunID {
				rt.Fatalf("step %d went from %s (run %d, epoch %d) to %s (run %d, epoch %d)", st.ID, old.State, old.RunID, old.Epoch, st.State, st.RunID, st.Epoch)
			}
		}
		w.steps[st.ID] = st
	}
	return steps
}

// The states change by the table only, in one unbroken line.
func (w *world) lookAtIncidents(rt *rapid.T) {
	keys := map[string]int64{}
	for _, inc := range readAll[store.Incident](w, rt, "id") {
		if twin := keys[inc.OccurrenceKey]; twin != 0 {
			rt.Fatalf("incidents %d and %d are of one occurrence", twin, inc.ID)
		}
		keys[inc.OccurrenceKey] = inc.ID
		if old, ok := w.incidents[inc.ID]; ok && (inc.Version < old.Version || inc.Round < old.Round || inc.Round == old.Round && inc.StepIndex < old.StepIndex ||
			inc.RunID == old.RunID && inc.RunAttempt < old.RunAttempt || inc.OccurrenceKey != old.OccurrenceKey) {
			rt.Fatalf("incident went backwards: %+v, then %+v", old, inc)
		}
		w.incidents[inc.ID] = inc
		events, err := w.b.store.Events(w.b.ctx, inc.ID)
		if err != nil {
			rt.Fatal(err)
		}
		if len(events) < w.events[inc.ID] {
			rt.Fatalf("the timeline of incident %d has lost lines", inc.ID)
		}
		state, at := Healthy, store.Millis(0)
		for _, ev := range events {
			from, to := State(ev.From), State(ev.To)
			if from != state || from != to && !allowed(from, to) || ev.At < at {
				rt.Fatalf("incident %d: after %s comes %s → %s: %s", inc.ID, state, from, to, ev.Reason)
			}
			state, at = to, ev.At
		}
		for _, ev := range events[w.events[inc.ID]:] {
			w.reached[State(ev.To)]++
		}
		w.events[inc.ID] = len(events)
		if state != State(inc.State) {
			rt.Fatalf("incident %d is %s, and its timeline ends with %s", inc.ID, inc.State, state)
		}
	}
}

// One epoch at most holds a claim, and epochs grow.
func (w *world) lookAtClaims(rt *rapid.T, steps []store.Step) {
	claims := map[string]store.Claim{}
	for _, c := range readAll[store.Claim](w, rt, "key") {
		claims[c.Key] = c
		if c.Epoch < w.epochs[c.Key] {
			rt.Fatalf("claim %.8s went from epoch %d to %d", c.Key, w.epochs[c.Key], c.Epoch)
		}
		w.epochs[c.Key] = c.Epoch
	}
	newest, acting := map[string]int64{}, map[string]store.Step{}
	for _, st := range steps {
		if st.Epoch == 0 {
			continue
		}
		c := claims[st.ClaimKey]
		if st.Epoch <= newest[st.ClaimKey] || st.Epoch > c.Epoch {
			rt.Fatalf("step %d has epoch %d after %d, of a claim at epoch %d", st.ID, st.Epoch, newest[st.ClaimKey], c.Epoch)
		}
		newest[st.ClaimKey] = st.Epoch
		if st.State != store.StepIntent && st.State != store.StepStarted {
			continue
		}
		if other, two := acting[st.ClaimKey]; two {
			rt.Fatalf("steps %d (epoch %d) and %d (epoch %d) act on one occurrence", other.ID, other.Epoch, st.ID, st.Epoch)
		}
		acting[st.ClaimKey] = st
		if c.State == store.ClaimHeld && c.Epoch != st.Epoch || c.State == store.ClaimFree {
			rt.Fatalf("step %d acts with epoch %d, and the claim is %s by %s with epoch %d", st.ID, st.Epoch, c.State, c.Owner, c.Epoch)
		}
	}
}

// No intent has more than one effect, whatever became of its answer, and one
// that is said to have had none has none.
func (w *world) lookAtEffects(rt *rapid.T, steps []store.Step) {
	intents := map[string]int{}
	for _, st := range steps {
		// An idempotent action whose end is not on record is repeated all the same.
		without := st.Kind != kindRun && (st.State == store.StepNotDone || st.State == store.StepNotSent)
		if st.Epoch != 0 && !without {
			intents[st.Kind]++
		}
	}
	for kind, n := range w.b.effects() {
		if n > intents[kind] {
			rt.Fatalf("%d effects of %d intents: %s", n, intents[kind], kind)
		}
	}
	ran := slices.Clone(w.b.actions.ran)
	slices.Sort(ran)
	if n := len(ran); n != len(slices.Compact(ran)) {
		rt.Fatalf("an action ran twice for one try: %v", ran)
	}
}

// rest lets everything end well, and looks whether all come to rest: nothing
// waits for something that cannot come.
func (w *world) rest(rt *rapid.T) {
	w.b.crash = ""
	w.b.actions.exit["git-sync"], w.b.actions.lose = 0, false
	if _, err := w.b.engine.Unpause(w.b.ctx, ResumeRequest{Repo: w.b.at, Actor: "octocat"}); err != nil {
		rt.Fatal(err)
	}
	if err := w.b.engine.Resume(w.b.ctx); err != nil {
		rt.Fatal(err)
	}
	for _, d := range slices.Concat(slices.Repeat([]time.Duration{15 * time.Minute}, 8), slices.Repeat([]time.Duration{2 * time.Hour}, 6)) {
		// An outage is over when runs begin again.
		if _, err := w.b.repo.StartRun(otherPath, "push"); err != nil {
			rt.Fatal(err)
		}
		for _, x := range w.b.repo.Runs() {
			if x.Status() != "completed" {
				w.b.end(x, "success")
				w.b.observe(x.ID)
			}
		}
		w.b.pass(d)
		w.look(rt)
	}
	for _, id := range slices.SortedFunc(func(yield func(int64) bool) {
		for id := range w.incidents {
			if !yield(id) {
				return
			}
		}
	}, cmp.Compare[int64]) {
		if inc := w.incidents[id]; State(inc.State).Active() {
			rt.Fatalf("incident %d does not come to rest: %s, %s", id, inc.State, inc.Reason)
		}
	}
}

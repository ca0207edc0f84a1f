package fallback

import (
	"slices"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestWaitingIsNotStalling(t *testing.T) {
	for _, status := range []string{"waiting", "pending"} {
		t.Run(status, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
			front, err := b.repo.StartRun(eventPath, "push")
			if err != nil {
				t.Fatal(err)
			}
			if err := front.Progress(); err != nil {
				t.Fatal(err)
			}
			x := b.queued("schedule")
			if err := x.SetStatus(status); err != nil {
				t.Fatal(err)
			}
			b.pass(map[string]time.Duration{"waiting": 72 * time.Hour, "pending": 23 * time.Hour}[status])
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents", n)
			}
			// Approved: its time in the queue begins now, give or take a look.
			if err := x.SetStatus("queued"); err != nil {
				t.Fatal(err)
			}
			b.pass(4 * time.Minute)
			b.observe(x.ID)
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents of a run that was approved 4 minutes ago", n)
			}
			b.pass(17 * time.Minute)
			b.want(Verifying)
		})
	}
}

// The workflow's own past says how long is too long.
func TestStallLimitsAreLearned(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	for i := range 5 {
		from := b.clock.Now().Add(-time.Duration(i+1) * 24 * time.Hour)
		b.remember(int64(i+1), from, from.Add(20*time.Minute), from.Add(30*time.Minute))
	}
	b.queued("schedule")
	b.pass(59 * time.Minute)
	b.want(Suspected)
	b.wantCancels(0, 0)
	b.pass(3 * time.Minute)
	b.want(Verifying)
}

// remember is a run of the past that succeeded.
func (b *bench) remember(id int64, asked, began, ended time.Time) {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		_, err := tx.SaveRun(ctx, store.WorkflowRun{
			RepoID: b.at.ID, RunID: id, Attempt: 1, WorkflowPath: primaryPath, Event: "schedule", HeadBranch: "main", HeadSHA: "x", Status: "completed", Conclusion: "success",
			CreatedAt: store.MillisOf(asked), StartedAt: store.MillisOf(asked), BeganAt: store.MillisOf(began), UpdatedAt: store.MillisOf(ended), ObservedAt: store.MillisOf(ended),
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestStallIsConfigured(t *testing.T) {
	b := newBench(t, config.Workflow{Stall: config.Stall{Queued: config.Duration(3 * time.Hour), Running: config.Duration(4 * time.Hour)}, Recover: []config.Step{dispatch}})
	x := b.queued("schedule")
	b.pass(59 * time.Minute)
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents", n)
	}
	b.pass(2 * time.Hour)
	b.want(Suspected)
	b.step(x, "Sync")
	b.pass(5 * time.Minute)
	b.want(Healthy)
	b.pass(3*time.Hour + 54*time.Minute)
	b.want(Healthy)
	b.pass(3 * time.Minute)
	inc := b.want(InDoubt) // steps have begun, and it must not be done twice
	if inc.Signal != Stalled {
		t.Errorf("signal %s", inc.Signal)
	}
}

// What webhooks have told costs no request.
func TestInspectionAsksNothingInVain(t *testing.T) {
	b := newBench(t, config.Workflow{})
	x := b.queued("schedule")
	b.clock.Advance(time.Minute)
	if err := x.Progress(); err != nil {
		t.Fatal(err)
	}
	b.observe(x.ID)
	before := b.gh.Count("actions/get-workflow-run") + b.gh.Count("actions/list-jobs-for-workflow-run-attempt")
	b.pass(20 * time.Minute)
	b.end(x, "success")
	b.observe(x.ID)
	b.pass(24 * time.Hour)
	after := b.gh.Count("actions/get-workflow-run") + b.gh.Count("actions/list-jobs-for-workflow-run-attempt")
	if after-before != 1 { // the observation of its end
		t.Errorf("%d requests", after-before)
	}
	if slices.ContainsFunc(b.queue.jobs, func(j queue.Job) bool { return j.Kind == "run.inspect" }) {
		t.Error("a run that has ended is inspected for ever")
	}
}

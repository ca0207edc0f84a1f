package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// A job that has posted, and one beside it that comes to an end of its own.
func posted(conclusion string) []githubtest.Job {
	return []githubtest.Job{
		{Name: "publish", Conclusion: "success", Steps: []githubtest.Step{{Name: "Set up job", Conclusion: "success"}, {Name: "post to LinkedIn", Conclusion: "success"}}},
		{Name: "report", Conclusion: conclusion, Steps: []githubtest.Step{{Name: "Set up job", Conclusion: "success"}, {Name: "write report", Conclusion: conclusion}}},
	}
}

// wantReruns checks how often GitHub was asked for the failed jobs, and for all.
func (b *bench) wantReruns(failed, all int) {
	b.Helper()
	got := []int{b.gh.Effects("actions/re-run-workflow-failed-jobs"), b.gh.Effects("actions/re-run-workflow")}
	if diff := cmp.Diff([]int{failed, all}, got); diff != "" {
		b.want("") // the story
		b.Error(diff)
	}
}

// No job is run again that has done its work.
func TestRerunSparesWhatIsDone(t *testing.T) {
	t.Run("hangs and is cancelled", func(t *testing.T) {
		b := newBench(t, config.Workflow{Stall: config.Stall{Running: config.Duration(30 * time.Minute), Cancel: config.CancelAlways}, Recover: []config.Step{rerun}})
		x, err := b.repo.StartRun(primaryPath, "schedule")
		if err != nil {
			t.Fatal(err)
		}
		b.observe(x.ID)
		b.step(x, "Set up job")
		b.clock.Advance(time.Second)
		b.step(x, "write report")
		x.SetJobs(posted("cancelled")...)
		b.observe(x.ID)
		b.pass(40 * time.Minute)
		b.wantReruns(1, 0)
	})
	for _, op := range []string{"actions/list-jobs-for-workflow-run-attempt", "actions/list-jobs-for-workflow-run"} {
		t.Run("GitHub does not answer "+op, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
			b.gh.Fault(githubtest.Fault{Operation: op, Kind: githubtest.Status, Code: 404, Times: -1})
			b.fail("failure", posted("failure")...)
			b.want(Verifying)
			b.wantReruns(1, 0)
		})
	}
	for effect, all := range map[config.Effect]int{config.AtMostOnce: 0, config.Guarded: 0, config.Idempotent: 1} {
		t.Run("the next attempt does not start, "+string(effect), func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: effect, Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 2}}}})
			x := b.fail("failure", posted("failure")...)
			b.wantReruns(1, 0)
			b.end(x, startupFailure)
			b.observe(x.ID)
			b.pass(10 * time.Minute)
			b.wantReruns(1, all)
			if all > 0 {
				return
			}
			inc := b.want(Exhausted)
			if why := inc.Steps[1].Reason; !strings.HasSuffix(why, "has run in attempt 1") {
				t.Errorf("reason %q", why)
			}
		})
	}
}

// A run none of whose jobs has begun has none that failed, and nothing to repeat.
func TestRerunOfWhatNeverBegan(t *testing.T) {
	t.Run("did not start, twice", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 2}}}})
		x := b.fail(startupFailure)
		b.wantReruns(0, 1)
		b.end(x, startupFailure)
		b.observe(x.ID)
		b.pass(10 * time.Minute)
		b.wantReruns(0, 2)
	})
	t.Run("did not start, and its jobs are not shown", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
		b.gh.Fault(githubtest.Fault{Operation: "actions/list-jobs-for-workflow-run", Kind: githubtest.Status, Code: 404, Times: -1})
		b.fail(startupFailure)
		b.want(Exhausted)
		b.wantReruns(0, 0)
	})
	t.Run("cancelled without a job", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
		x := b.queued("push")
		x.DropJobs()
		b.pass(30 * time.Minute)
		b.wantReruns(0, 1)
		inc := b.only()
		if diff := cmp.Diff([]string{"rerun not_sent", "rerun started"}, steps(inc)); diff != "" || !strings.Contains(inc.Steps[0].Reason, errNoJobs.Error()) {
			t.Errorf("%+v %s", inc.Steps, diff)
		}
	})
}

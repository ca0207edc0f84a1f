package githubtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
)

// What people have met: a cancel that is accepted and has no effect, and runs that GitHub does not let go of.
func TestCancellation(t *testing.T) {
	for name, tc := range map[string]struct {
		cancel, force             Cancellation
		cancelAnswer, forceAnswer int
		afterCancel, afterForce   string
	}{
		"obeyed":          {Obeyed, Obeyed, 202, 409, "completed", "completed"},
		"ignored, forced": {Ignored, Obeyed, 202, 202, "queued", "completed"},
		"refused":         {Refused, Refused, 409, 409, "queued", "queued"},
		"ignored":         {Ignored, Ignored, 202, 202, "queued", "queued"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			x, err := b.repo.StartRun("ci.yml", "push")
			if err != nil {
				t.Fatal(err)
			}
			x.DropJobs()
			x.SetCancel(tc.cancel, tc.force)
			at := fmt.Sprintf("%s/actions/runs/%d", demo, x.ID)
			b.call("POST", at+"/rerun", nil).want(http.StatusForbidden)
			b.call("POST", at+"/cancel", nil).want(tc.cancelAnswer)
			if x.Status() != tc.afterCancel {
				t.Errorf("after cancel: %s, want %s", x.Status(), tc.afterCancel)
			}
			b.call("POST", at+"/force-cancel", nil).want(tc.forceAnswer)
			if x.Status() != tc.afterForce {
				t.Errorf("after force-cancel: %s, want %s", x.Status(), tc.afterForce)
			}
		})
	}
}

// shownStep is a step as the API shows it.
type shownStep struct {
	Name, Status, Conclusion string
	Started, Completed       bool
}

func (b *bench) steps(x *Run) []shownStep {
	b.Helper()
	var list struct {
		Jobs []struct {
			Steps []struct {
				Name        string
				Status      string
				Conclusion  *string
				StartedAt   *time.Time `json:"started_at"`
				CompletedAt *time.Time `json:"completed_at"`
			}
		}
	}
	b.call("GET", fmt.Sprintf("%s/actions/runs/%d/jobs", demo, x.ID), nil).want(200).into(&list)
	var out []shownStep
	for _, j := range list.Jobs {
		for _, s := range j.Steps {
			conclusion := ""
			if s.Conclusion != nil {
				conclusion = *s.Conclusion
			}
			out = append(out, shownStep{s.Name, s.Status, conclusion, s.StartedAt != nil, s.CompletedAt != nil})
		}
	}
	return out
}

func TestStepsOfARunThatGoesOn(t *testing.T) {
	b := newBench(t, Config{Clock: clockwork.NewFakeClock()})
	x, err := b.repo.StartRun("ci.yml", "push")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.steps(x); len(got) != 0 {
		t.Errorf("a queued run has the steps %v", got)
	}
	for _, s := range []string{"Set up job", "Sync"} {
		if err := x.Step("build", s); err != nil {
			t.Fatal(err)
		}
	}
	want := []shownStep{{"Set up job", "completed", "success", true, true}, {"Sync", "in_progress", "", true, false}}
	if diff := cmp.Diff(want, b.steps(x)[:2]); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if x.Status() != "in_progress" {
		t.Errorf("the run is %s", x.Status())
	}
	if err := x.Cancel(); err != nil {
		t.Fatal(err)
	}
	want[1] = shownStep{"Sync", "completed", "cancelled", true, true}
	if diff := cmp.Diff(want, b.steps(x)[:2]); diff != "" {
		t.Errorf("steps after the cancel (-want +got):\n%s", diff)
	}
	if err := x.Step("build", "more"); err == nil {
		t.Error("a completed run began a step")
	}
	if err := x.SetStatus("waiting"); err == nil {
		t.Error("a completed run waits")
	}
}

// A job that was cancelled in the queue has no steps.
func TestCancelledInTheQueue(t *testing.T) {
	b := newBench(t, Config{})
	x, err := b.repo.StartRun("ci.yml", "push")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.SetStatus("pending"); err != nil || x.Status() != "pending" {
		t.Fatal(err, x.Status())
	}
	b.call("POST", fmt.Sprintf("%s/actions/runs/%d/cancel", demo, x.ID), nil).want(202)
	if got := b.steps(x); len(got) != 0 || x.Conclusion() != "cancelled" {
		t.Errorf("%s, steps %v", x.Conclusion(), got)
	}
}

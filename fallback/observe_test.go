package fallback

import (
	"testing"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

func TestEachConclusion(t *testing.T) {
	for conclusion, opens := range map[string]bool{
		"failure": true, "timed_out": true, "startup_failure": true,
		"cancelled": false, "skipped": false, "neutral": false, "action_required": false, "stale": false, "success": false,
	} {
		t.Run(conclusion, func(t *testing.T) {
			b := newBench(t, config.Workflow{})
			b.fail(conclusion)
			if got := b.incidents() == 1; got != opens {
				t.Errorf("opened %v, want %v", got, opens)
			}
		})
	}
}

func TestWhatDoesNotOpen(t *testing.T) {
	t.Run("a workflow that is not watched", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		b.observe(b.run(fallbackPath, "workflow_dispatch", "failure").ID)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("another branch", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		if _, err := b.repo.Push("topic", map[string]string{"a": "b"}, "topic"); err != nil {
			t.Fatal(err)
		}
		x, err := b.repo.StartRunAt(primaryPath, "push", "topic", "octocat")
		if err != nil {
			t.Fatal(err)
		}
		b.end(x, "failure")
		b.observe(x.ID)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("a pull request", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		for _, event := range []string{"pull_request", "pull_request_target", "pull_request_review"} {
			b.observe(b.run(primaryPath, event, "failure").ID)
		}
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("a run that our own login dispatched, which no record knows any more", func(t *testing.T) {
		b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
		x, err := b.repo.StartRunAt(primaryPath, "workflow_dispatch", "main", "redundancy[bot]")
		if err != nil {
			t.Fatal(err)
		}
		b.end(x, "failure")
		b.observe(x.ID)
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
	t.Run("a run that is gone", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		b.observe(987654)
		b.pass(2 * settleRead)
		if n := b.incidents(); n != 0 || len(b.queue.dead) != 0 {
			t.Errorf("%d incidents, dead letters %v", n, b.queue.dead)
		}
	})
	t.Run("an attempt that is not the newest", func(t *testing.T) {
		b := newBench(t, config.Workflow{})
		x := b.run(primaryPath, "schedule", "failure")
		if err := x.Rerun("octocat"); err != nil {
			t.Fatal(err)
		}
		b.observe(x.ID) // the late webhook of attempt 1
		if n := b.incidents(); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
}

// A webhook says nothing but "look": in whatever order and however often those
// of one run come, there is one incident and one recovery.
func TestWebhooksInEveryOrder(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	x, err := b.repo.StartRun(primaryPath, "schedule")
	if err != nil {
		t.Fatal(err)
	}
	b.observe(x.ID, x.ID) // requested, twice
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents of a run that has not ended", n)
	}
	b.end(x, "failure")
	for range 5 { // completed, in_progress, completed, requested … all hints at the same truth
		b.observe(x.ID)
		b.observe(x.ID, x.ID)
	}
	b.want(Verifying)
	if got := b.effects()[kindDispatch]; got != 1 {
		t.Errorf("%d dispatches, want 1", got)
	}
}

// All webhooks of the child are lost; the safety net finds its end.
func TestLostWebhooksOfTheChild(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.fail("failure")
	b.want(Verifying)
	b.end(b.dispatched()[0], "success")
	b.pass(pollMin)
	b.want(Recovered)
}

func TestUnknownConfigurationIsLoadedForAFailureOnly(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.configs.known = false
	b.observe(b.run(primaryPath, "schedule", "success").ID)
	if b.configs.loads != 0 {
		t.Error("loaded for a success")
	}
	b.fail("failure")
	if b.configs.loads != 1 {
		t.Errorf("loaded %d times, want 1", b.configs.loads)
	}
	b.want(Verifying)
}

// The loop guard: what our steps started opens nothing, even when the workflow
// is watched itself.
func TestOurOwnRunsOpenNothing(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.configs.c.Workflows = append(b.configs.c.Workflows, config.Workflow{File: fallbackPath, Recover: []config.Step{rerun}})
	b.fail("failure")
	child := b.dispatched()[0]
	b.end(child, "failure")
	b.observe(child.ID, child.ID)
	inc := b.want(Exhausted)
	if got := steps(inc); len(got) != 1 || got[0] != "dispatch failed" {
		t.Errorf("steps %v", got)
	}
	if n := b.effects()[kindRerun]; n != 0 {
		t.Errorf("the child was re-run %d times", n)
	}
	tracked, err := b.engine.Tracks(b.ctx, b.repo.ID, child.ID)
	if err != nil || !tracked {
		t.Errorf("the child is not tracked: %v", err)
	}
}

func TestWatches(t *testing.T) {
	b := newBench(t, config.Workflow{})
	for path, want := range map[string]bool{primaryPath: true, fallbackPath: false} {
		watched, known, err := b.engine.Watches(b.ctx, b.repo.ID, path)
		if err != nil || !known || watched != want {
			t.Errorf("%s: watched %v known %v %v", path, watched, known, err)
		}
	}
	b.configs.known = false
	if _, known, err := b.engine.Watches(b.ctx, b.repo.ID, primaryPath); err != nil || known {
		t.Errorf("known %v %v", known, err)
	}
}

func TestBadArgumentsAreADeadLetter(t *testing.T) {
	b := newBench(t, config.Workflow{})
	for kind, w := range b.engine.Workers() {
		err := w.Work(b.ctx, queue.Job{Kind: kind, Args: []byte(`{"id": "x"`)})
		if !isPermanent(err) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

package fallback

import (
	"fmt"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// behind is a watched run that waits for its concurrency group.
func (b *bench) behind() *githubtest.Run {
	b.Helper()
	x := b.queued("schedule")
	if err := x.SetStatus("pending"); err != nil {
		b.Fatal(err)
	}
	return x
}

// A run that waits for its group, and nothing is there that could hold it: what
// was asked for later comes after it, and what has ended holds nothing.
func TestPendingWithNothingInFront(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{rerun}})
	b.run(eventPath, "push", "success")
	x := b.behind()
	b.clock.Advance(time.Minute)
	later, err := b.repo.StartRun(eventPath, "push")
	if err != nil {
		t.Fatal(err)
	}
	if err := later.Progress(); err != nil {
		t.Fatal(err)
	}
	b.pass(13 * time.Minute)
	if n := b.incidents(); n != 0 {
		t.Fatalf("%d incidents before the limit of the queue", n)
	}
	b.pass(4 * time.Minute)
	inc := b.want(Verifying)
	b.wantCancels(1, 0)
	if x.Attempt() != 2 || timelineSays(inc, "for its concurrency group, and no run is in front of it") == 0 {
		t.Errorf("attempt %d, %+v", x.Attempt(), inc.Timeline)
	}
}

// Behind a run that nobody watches and that never gets a runner: people are
// told, and nothing is done until it is out of the way.
func TestPendingBehindAnother(t *testing.T) {
	for _, status := range []string{"queued", "waiting", "in_progress"} {
		t.Run(status, func(t *testing.T) {
			b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			front, err := b.repo.StartRun(eventPath, "push")
			if err == nil && status == "waiting" {
				err = front.SetStatus(status)
			} else if err == nil && status == "in_progress" {
				err = front.Progress()
			}
			if err != nil {
				t.Fatal(err)
			}
			b.behind()
			b.pass(23 * time.Hour)
			if n := b.incidents(); n != 0 {
				t.Fatalf("%d incidents", n)
			}
			b.pass(49 * time.Hour)
			inc := b.want(Suspected)
			if says := fmt.Sprintf("run %d (%s, %s) is in front of it", front.ID, eventPath, status); timelineSays(inc, says) != 1 {
				t.Errorf("%+v, want %q", inc.Timeline, says)
			}
			b.wantCancels(0, 0)
			if n := b.effects(); len(n) != 0 {
				t.Errorf("effects %v", n)
			}
			b.end(front, "cancelled")
			for range 63 {
				if len(b.dispatched()) == 0 {
					b.pass(time.Minute)
				}
			}
			b.wantCancels(1, 0)
			if len(b.dispatched()) != 1 {
				t.Errorf("effects %v", b.effects())
			}
		})
	}
}

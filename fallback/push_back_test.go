package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// A branch is put back to an earlier commit, and that starts nothing: the run
// of the first time is no answer. Without the moment of the push it has to be.
func TestAbsentPushBack(t *testing.T) {
	for _, known := range []bool{true, false} {
		b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		first := b.pushMain("a")
		for _, sha := range []string{first, b.pushMain("b")} {
			if err := b.repo.PushRef("main", sha); err != nil {
				t.Fatal(err)
			}
			x := b.startPushed()
			b.end(x, "success")
			b.observe(x.ID)
			b.pass(time.Hour)
		}
		push := queue.ExpectRun{Repo: b.at, Branch: "main", SHA: first}
		if known {
			push.PushedAt = b.clock.Now().UnixMilli()
		}
		if err := b.repo.PushRef("main", first); err != nil {
			t.Fatal(err)
		}
		b.enqueue(push.Item())
		b.pass(20 * time.Minute)
		if !known {
			if n := b.incidents(); n != 0 {
				t.Errorf("%d incidents although nobody knows of which push the run is", n)
			}
			continue
		}
		b.want(Verifying)
		b.fallbackWorked()
		b.want(Recovered)
	}
}

package repoconfig_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// TestAnOldHeadIsReadAgain: GitHub may answer with the head from before the
// push that made us look. That is no answer, but it is not waited for forever.
func TestAnOldHeadIsReadAgain(t *testing.T) {
	b := start(t, map[string]string{config.WorkflowsDir + "/sync.yml": workflow, config.RepositoryPath: good})
	work := func(before string, age time.Duration) error {
		args, err := json.Marshal(queue.LoadConfig{Repo: b.at, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		return b.loader.Work(t.Context(), queue.Job{Args: args, CreatedAt: b.clock.Now().Add(-age)})
	}
	old := b.repo.Head("main")
	var snooze *queue.SnoozeError
	if err := work(old, 0); !errors.As(err, &snooze) || !snooze.Until.After(b.clock.Now()) {
		t.Errorf("GitHub shows the old head: %v, want a snooze", err)
	}
	if err := work(old, time.Minute-time.Millisecond); !errors.As(err, &snooze) {
		t.Errorf("just under the limit: %v, want a snooze", err)
	}
	if err := work(old, time.Minute); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := b.repo.Push("main", map[string]string{config.RepositoryPath: better}, "three"); err != nil {
		t.Fatal(err)
	}
	if err := work(old, 0); err != nil {
		t.Errorf("GitHub shows the new head: %v", err)
	}
	e, _, err := b.loader.InForce(t.Context(), b.at.ID)
	if err != nil || e.Repository.Workflows[0].Recover[0].Rerun.Attempts != 3 {
		t.Errorf("in force: %+v, %v", e, err)
	}
}

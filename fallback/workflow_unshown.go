package fallback

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/redundancy-app/redundancy/queue"
)

const (
	// maxUnshown bounds the workflows that are kept in doubt. One that falls
	// out is looked at once more.
	maxUnshown = 1000
	// doubtFor is how long a first look counts without a second one.
	doubtFor = time.Hour
)

// unshownError says that GitHub does not show a workflow whose repository it
// shows, which is not believed before another look.
type unshownError struct {
	repo, workflow string
	until          time.Time // of the other look
}

func (e *unshownError) Error() string {
	return fmt.Sprintf("GitHub does not show %s of %s; looking again before it is believed", e.workflow, e.repo)
}

// doubts are the workflows that GitHub has not shown when they were last
// looked at. It is kept in memory: after a start they are looked at twice again.
type doubts struct {
	mu   sync.Mutex
	seen *lru.Cache[string, [2]time.Time] // the first and the last of the looks
}

func newDoubts() *doubts {
	u := new(doubts)
	u.seen, _ = lru.New[string, [2]time.Time](maxUnshown) // fails for sizes below 1 only
	return u
}

func unshownKey(repo queue.Repo, workflowPath string) string {
	return fmt.Sprint(repo.ID, " ", workflowPath)
}

// again notes a look that did not show the workflow, and says when to look
// again; the zero time once it is believed to be gone.
func (u *doubts) again(repo queue.Repo, workflowPath string, now time.Time, wait time.Duration) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := unshownKey(repo, workflowPath)
	looks, ok := u.seen.Get(key)
	if !ok || now.Before(looks[1]) || now.Sub(looks[1]) > doubtFor {
		looks[0] = now
	}
	looks[1] = now
	u.seen.Add(key, looks)
	if until := looks[0].Add(wait); now.Before(until) {
		return until
	}
	return time.Time{}
}

func (u *doubts) shown(repo queue.Repo, workflowPath string) {
	u.seen.Remove(unshownKey(repo, workflowPath))
}

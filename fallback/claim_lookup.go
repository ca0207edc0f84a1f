package fallback

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// maxLookUps bounds the runs that are read at a time because somebody asks
	// for their claims: each costs a request of the installation's hourly limit.
	maxLookUps = 8
	// lookUpTimeout is below the ten seconds that the guard waits. It counts
	// the wait for others, too.
	lookUpTimeout = 8 * time.Second
	// idleLookUps is how many look-ups an hour of a repository may find no run
	// that is under way. Whoever holds its guard token could use up the
	// installation's limit otherwise.
	idleLookUps = 60
	// missedFor is how long what was looked up in vain is not looked up again.
	missedFor = time.Minute
	// laggedFor is the same of the attempt after the one that GitHub shows: it
	// asks, so it is under way, and will be shown in a moment.
	laggedFor = 2 * time.Second
	maxMissed = 4096
)

// lookUps bounds the requests that questions for claims cost.
type lookUps struct {
	clock  clockwork.Clock
	slots  chan struct{}
	missed *lru.Cache[lookUpKey, time.Time] // until when it is not looked up again
	mu     sync.Mutex
	idle   map[int64]idle // by repository; only those where the App is installed
}

type lookUpKey struct {
	repoID, runID int64
	attempt       int
}

// idle is a count that goes back evenly, by idleLookUps an hour.
type idle struct {
	n  float64
	at time.Time
}

func newLookUps(clock clockwork.Clock) *lookUps {
	missed, _ := lru.New[lookUpKey, time.Time](maxMissed) // fails for sizes below 1 only
	return &lookUps{clock: clock, slots: make(chan struct{}, maxLookUps), missed: missed, idle: map[int64]idle{}}
}

// vain says whether the same was looked up in vain a moment ago.
func (l *lookUps) vain(k lookUpKey) bool {
	until, ok := l.missed.Get(k)
	return ok && l.clock.Now().Before(until)
}

// counted says how many look-ups of a repository count, after adding more.
func (l *lookUps) counted(repoID int64, more float64) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, i := l.clock.Now(), l.idle[repoID]
	i.n = max(0, i.n-now.Sub(i.at).Hours()*idleLookUps) + more
	i.at = now
	l.idle[repoID] = i
	return i.n
}

func (l *lookUps) spent(repoID int64) bool { return l.counted(repoID, 0) > idleLookUps-1 }

// behind says whether a record of a run cannot be all: who asks is running.
func behind(r store.WorkflowRun, attempt int) bool {
	return attempt > r.Attempt || attempt == r.Attempt && r.Completed()
}

// lookUp reads a run from GitHub for the attempt that asks, 0 for none, and
// takes it in as if its webhook had come. Many that ask at once wait for
// one another.
func (e *Engine) lookUp(ctx context.Context, repo queue.Repo, runID int64, attempt int) (store.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	if !e.lookUps.spent(repo.ID) { // nobody waits for what is not to be had
		select {
		case e.lookUps.slots <- struct{}{}:
			defer func() { <-e.lookUps.slots }()
		case <-ctx.Done():
			return store.WorkflowRun{}, ErrClaimBusy
		}
	}
	// Its webhook, or another one that asked the same, may have come meanwhile.
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), repo.ID, runID)
	if err != nil || ok && !behind(known, attempt) {
		return known, err
	}
	asked := lookUpKey{repo.ID, runID, attempt}
	switch {
	case e.lookUps.vain(asked) && ok:
		return known, nil
	case e.lookUps.vain(asked):
		return known, noRun(repo, runID)
	case e.lookUps.spent(repo.ID):
		return known, ErrClaimLimit
	}
	known, err = e.readForClaim(ctx, repo, runID)
	// That GitHub did not answer says nothing about the run.
	vain := err == nil && behind(known, attempt) || githubapi.IsNotFound(err)
	if vain || err == nil && known.Completed() {
		e.lookUps.counted(repo.ID, 1)
	}
	if vain {
		wait := missedFor
		if err == nil && attempt == known.Attempt+1 {
			wait = laggedFor
		}
		e.lookUps.missed.Add(asked, e.Clock.Now().Add(wait))
	}
	if githubapi.IsNotFound(err) {
		return known, noRun(repo, runID)
	}
	return known, err
}

func noRun(repo queue.Repo, runID int64) error {
	return fmt.Errorf("%w: %s has no run %d", ErrClaimRun, repo.FullName(), runID)
}

func (e *Engine) readForClaim(ctx context.Context, repo queue.Repo, runID int64) (known store.WorkflowRun, err error) {
	client, err := e.Clients.Installation(repo.InstallationID)
	if err != nil {
		return known, err
	}
	r, err := runs.Get(ctx, client, repo, runID)
	if err != nil {
		return known, err
	}
	_, watched, err := e.watched(ctx, repo, r.WorkflowPath(), false)
	if err != nil {
		return known, err
	}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if known, err = e.save(ctx, tx, repo, r); err == nil && watched {
			known, err = e.clock.Match(ctx, tx, repo, known)
		}
		return err
	})
	return known, err
}

package risk

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

// Reader computes risk from the store.
type Reader struct {
	store *store.Store
	clock clockwork.Clock
}

// New returns a reader. It is safe for concurrent use.
func New(s *store.Store, clock clockwork.Clock) *Reader { return &Reader{s, clock} }

const (
	// historyAge is what the store keeps of runs.
	historyAge = 90 * 24 * time.Hour
	// maxAssessed runs of one workflow: the newest. The posterior remembers 30.
	maxAssessed = 2000
	// MaxHistory bounds the runs of one backtest.
	MaxHistory = 100_000
	// maxQueueRows bounds what an early warning reads.
	maxQueueRows = 20_000
)

// Report is the answer about a repository.
type Report struct {
	AsOf time.Time `json:"as_of"`
	// Note is for whoever reads the numbers.
	Note    string       `json:"note"`
	Queue   QueueWarning `json:"queue"`
	Targets []Assessment `json:"targets"`
	// Omitted workflows were not assessed: with very many, ask for one repository.
	Omitted int `json:"omitted"`
}

// Note goes with every answer.
const Note = "information only: nothing is recovered, held back or skipped because of it"

// maxTargets of one report over all repositories.
const maxTargets = 200

// Report assesses the watched workflows of the repositories, at most 200; with
// a path only those.
func (r *Reader) Report(ctx context.Context, repos []store.Repository, path string) (Report, error) {
	rep := Report{AsOf: r.clock.Now().UTC(), Note: Note, Targets: []Assessment{}}
	var err error
	if rep.Queue, err = r.Queue(ctx); err != nil {
		return Report{}, err
	}
	for _, repo := range repos {
		watches, err := store.WatchesOf(ctx, r.store.Read(), repo.ID)
		if err != nil {
			return Report{}, err
		}
		for _, w := range watches {
			if path != "" && w.WorkflowPath != path {
				continue
			}
			if len(rep.Targets) == maxTargets {
				rep.Omitted++
				continue
			}
			a, err := r.Target(ctx, repo, w.WorkflowPath)
			if err != nil {
				return Report{}, err
			}
			rep.Targets = append(rep.Targets, a)
		}
	}
	return rep, nil
}

// Target assesses one workflow.
func (r *Reader) Target(ctx context.Context, repo store.Repository, path string) (Assessment, error) {
	runs, err := r.runs(ctx, repo, path, maxAssessed)
	if err != nil {
		return Assessment{}, err
	}
	return Assess(repo.FullName(), path, runs), nil
}

// History is the runs of the watched workflows of the repositories, for a
// backtest: at most [MaxHistory].
func (r *Reader) History(ctx context.Context, repos []store.Repository) ([]Run, error) {
	var all []Run
	for _, repo := range repos {
		watches, err := store.WatchesOf(ctx, r.store.Read(), repo.ID)
		if err != nil {
			return nil, err
		}
		for _, w := range watches {
			runs, err := r.runs(ctx, repo, w.WorkflowPath, int64(MaxHistory-len(all)))
			if err != nil {
				return nil, err
			}
			if all = append(all, runs...); len(all) >= MaxHistory {
				return all, nil
			}
		}
	}
	return all, nil
}

func (r *Reader) runs(ctx context.Context, repo store.Repository, path string, limit int64) ([]Run, error) {
	since := store.MillisOf(r.clock.Now().Add(-historyAge))
	past, err := r.store.PastRuns(ctx, repo.ID, path, repo.DefaultBranch, since, limit)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(past))
	for _, p := range past {
		failed, conclusive := Outcome(p.Conclusion)
		if !conclusive || p.EndedAt < p.CreatedAt {
			continue
		}
		run := Run{ID: p.RunID, URL: p.URL, Workflow: repo.FullName() + " " + path, Start: p.CreatedAt.Time(), End: p.EndedAt.Time(), Failed: failed}
		if p.BeganAt > p.CreatedAt && p.BeganAt < p.EndedAt {
			run.Begin = p.BeganAt.Time()
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// Queue is the early warning over everything that is watched.
func (r *Reader) Queue(ctx context.Context) (QueueWarning, error) {
	now := r.clock.Now()
	recent := store.MillisOf(now.Add(-queueWindow))
	usual, err := r.store.QueueTimes(ctx, store.MillisOf(now.Add(-queueBaseline)), recent, maxQueueRows)
	if err != nil {
		return QueueWarning{}, err
	}
	begun, err := r.store.BegunSince(ctx, recent, maxQueueRows)
	if err != nil {
		return QueueWarning{}, err
	}
	asked, err := r.store.QueuedSince(ctx, store.MillisOf(now.Add(-queueStale)), maxQueueRows)
	if err != nil {
		return QueueWarning{}, err
	}
	ages := make([]float64, 0, len(asked))
	for _, at := range asked {
		ages = append(ages, now.Sub(at.Time()).Seconds())
	}
	return queueWarning(inSeconds(begun), ages, inSeconds(usual)), nil
}

func inSeconds(millis []int64) []float64 {
	out := make([]float64, 0, len(millis))
	for _, ms := range millis {
		out = append(out, float64(ms)/1000)
	}
	return out
}

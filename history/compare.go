package history

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// webhookLag is how long a webhook may take before its absence is a sign.
	// GitHub's own bound for one attempt is ten seconds.
	webhookLag = 2 * time.Minute
	// maxAsked bounds the runs of each kind that one scan asks for beside its
	// list, askEvery how often it does.
	maxAsked = 10
	askEvery = time.Hour
	// stale is the age of a failure from which only the workflow's newest result
	// counts: after an outage of days nobody wants each of them recovered.
	stale = 24 * time.Hour
	// maxOwed is for how long somebody is to account for a run: one that GitHub
	// does not show never can be.
	maxOwed = 7 * 24 * time.Hour
)

// differences are what a list shows and the record lacks.
type differences struct {
	seen    []store.WorkflowRun // of watched workflows on the default branch, oldest first
	observe []int64             // runs whose news have consequences
	missed  int                 // that a webhook should have told of by now
	head    string              // a commit of the default branch that our reading of the configuration is older than
}

// compare finds what is to be done about a list, newest first.
func (s *scan) compare(ctx context.Context, watches []store.Watch, list []*runs.Run) (differences, error) {
	var d differences
	ids := make([]int64, 0, len(list))
	for _, r := range list {
		ids = append(ids, r.GetID())
	}
	known, err := s.Store.KnownRuns(ctx, s.repo.ID, ids)
	if err != nil {
		return d, err
	}
	tracked, err := s.Store.TrackedRuns(ctx, s.repo.ID, ids)
	if err != nil {
		return d, err
	}
	sought, err := s.Store.StepsSought(ctx, s.repo.ID)
	if err != nil {
		return d, err
	}
	watched := byPath(watches)
	told := map[string]bool{} // workflows whose newest result was met
	met := map[int64]bool{}   // GitHub's pages shift while they are read
	for _, r := range list {
		if met[r.GetID()] || r.GetID() == 0 {
			continue
		}
		row := r.Row(s.repo.ID, s.now())
		met[row.RunID] = true
		w, isWatched := watched[row.WorkflowPath]
		ours := r.Dispatched() && (s.isUs(r.GetActor()) || s.isUs(r.GetTriggeringActor()))
		onBranch := isWatched && r.Own(s.repo.ID) && s.at.OfDefault(row.HeadBranch, row.CreatedAt)
		newest := onBranch && !ours && result(row.Conclusion) && !told[row.WorkflowPath]
		told[row.WorkflowPath] = told[row.WorkflowPath] || newest
		if before, ok := known[row.RunID]; ok && !row.Beyond(before) {
			continue
		}
		switch {
		case tracked[row.RunID]:
			d.observe = append(d.observe, row.RunID)
		case ours && (isWatched && r.Completed() || sought && r.Created().After(s.ReadThrough.Time().Add(-overlap))):
			d.observe = append(d.observe, row.RunID)
		case ours || !onBranch || row.Status == "completed" && row.UpdatedAt < w.WatchedSince:
			continue
		case newest, runs.Failed(row.Conclusion) && s.Clock.Since(r.Updated()) < stale:
			d.observe = append(d.observe, row.RunID)
		}
		if onBranch && !ours {
			d.seen = append([]store.WorkflowRun{row}, d.seen...)
		}
		if s.ScannedAt != 0 && row.UpdatedAt >= w.BackAt && s.Clock.Since(r.Updated()) > s.scaled(webhookLag) {
			d.missed++
		}
	}
	if d.missed > 0 {
		// What waits in the inbox is not lost.
		if pending, _, err := s.Store.PendingDeliveries(ctx); err != nil || pending > 0 {
			d.missed = 0
		}
	}
	if d.head, err = s.newHead(ctx, list); err != nil {
		return d, err
	}
	return d, s.beyond(ctx, watched, &d)
}

// result says whether a conclusion tells how the workflow does; the others are
// somebody's decision.
func result(conclusion string) bool { return conclusion == "success" || runs.Failed(conclusion) }

// newHead is the commit of the newest run on the default branch if it came
// after the configuration was last read: the webhook of its push may be lost, too.
func (s *scan) newHead(ctx context.Context, list []*runs.Run) (string, error) {
	for _, r := range list {
		if !r.OnBranch(s.repo.ID, s.branch) {
			continue
		}
		c, known, err := s.Store.RepositoryConfig(ctx, s.repo.ID)
		if err != nil || known && (c.HeadSHA == r.GetHeadSHA() || !r.Created().After(c.CheckedAt.Time())) {
			return "", err
		}
		return r.GetHeadSHA(), nil
	}
	return "", nil
}

// beyond adds runs that no list tells of: some that have not ended and are too
// old to be on the first page, some whose end is on record and was given up on
// before anything followed from it, and old runs that were started again.
func (s *scan) beyond(ctx context.Context, watched map[string]store.Watch, d *differences) error {
	now := s.Clock.Now()
	if now.Sub(s.AskedAt.Time()) < s.scaled(askEvery) {
		return nil
	}
	s.AskedAt = store.MillisOf(now)
	open, err := s.Store.OpenRunsBefore(ctx, s.repo.ID, s.Reach, maxAsked)
	if err != nil {
		return err
	}
	owed, err := s.Store.OwedRuns(ctx, s.at, store.MillisOf(now.Add(-maxOwed)), store.MillisOf(now.Add(-stale)), maxAsked)
	if err != nil {
		return err
	}
	again, err := s.rerun(ctx, watched)
	d.observe = append(append(append(d.observe, open...), owed...), again...)
	return err
}

// record hands on what was found and sets the next scan.
func (s *scan) record(ctx context.Context, d differences) error {
	now := s.Clock.Now()
	if d.missed > 0 {
		s.DoubtUntil = max(s.DoubtUntil, store.MillisOf(now.Add(s.scaled(doubtFor))))
		s.metrics.found.WithLabelValues("missed").Add(float64(d.missed))
		zerolog.Ctx(ctx).Warn().Str("repo", s.repo.FullName()).Int("runs", d.missed).Msg("no webhook has told of these runs")
	}
	s.metrics.found.WithLabelValues("fresh").Add(float64(max(len(d.seen)+len(d.observe)-d.missed, 0)))
	lost, err := s.firstSign(ctx, d, now)
	if err != nil {
		return err
	}
	return s.save(ctx, func(ctx context.Context, tx *store.Tx) error {
		s.NextAt = store.MillisOf(now.Add(s.pause(now)))
		for _, run := range d.seen {
			if err := s.Engine.Seen(ctx, tx, s.repo, run); err != nil {
				return err
			}
		}
		for _, id := range d.observe {
			if err := s.Queue.Enqueue(ctx, tx, queue.ObserveRun{Repo: s.repo, RunID: id}.Item()); err != nil {
				return err
			}
		}
		if d.head != "" {
			if err := s.Queue.Enqueue(ctx, tx, queue.LoadConfig{Repo: s.repo}.Item()); err != nil {
				return err
			}
		}
		if d.missed == 0 {
			return nil
		}
		if err := store.SetMoment(ctx, tx, store.MomentMissed, now); err != nil || !lost {
			return err
		}
		return s.Doubt(ctx, tx) // they all come the same way
	})
}

// firstSign says whether a miss is news: then it concerns every repository.
func (s *scan) firstSign(ctx context.Context, d differences, now time.Time) (bool, error) {
	if d.missed == 0 {
		return false, nil
	}
	last, err := s.Store.Moment(ctx, store.MomentMissed)
	ago := now.Sub(last)
	return ago > s.scaled(doubtFor) || ago < -ahead, err
}

// pause is the time to the next scan. A tenth more or less, always the same for
// a repository, pulls those apart that were scanned together.
func (s *scan) pause(now time.Time) time.Duration {
	d := interval(s.repositories, s.budget.Hourly)
	if s.DoubtUntil > store.MillisOf(now) {
		d = scanMin
	}
	d = s.scaled(d)
	return d + d*time.Duration(s.repo.ID%21-10)/100
}

func byPath(watches []store.Watch) map[string]store.Watch {
	watched := make(map[string]store.Watch, len(watches))
	for _, w := range watches {
		watched[w.WorkflowPath] = w
	}
	return watched
}

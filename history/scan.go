package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// scanBatch bounds the repositories of one job, so that a large
	// installation does not keep a worker from everybody else.
	scanBatch = 25
	// overlap is read again: GitHub's lists lag behind its events, and clocks differ.
	overlap = time.Hour
	// firstReach is how far before its watch the first scan looks for runs that
	// have not ended: GitHub ends a job after six hours.
	firstReach = 6 * time.Hour
	// maxPages bounds one list. Where a repository has run more than that since
	// the last scan, its watched workflows are listed one by one.
	maxPages = 5
	// scanRetry is the pause when GitHub fails, and the first one when it
	// refuses a repository; that doubles up to maxRefused.
	scanRetry, maxRefused = time.Minute, 6 * time.Hour
	// dormant is how often a suspended installation is tried; its return is
	// told by a webhook.
	dormant = time.Hour
)

// Scan is the worker of queue.ScanRuns: it compares the repositories that are
// due, and comes back when the next one is.
func (h *History) Scan(ctx context.Context, job queue.Job) error {
	var args queue.ScanRuns
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("decode arguments of %s: %w", job.Kind, err))
	}
	log := zerolog.Ctx(ctx).With().Int64("installation_id", args.InstallationID).Logger()
	ctx = log.WithContext(ctx)
	if err := h.setBack(ctx, args.InstallationID); err != nil {
		return err
	}
	kept, err := store.ReadScanBudget(ctx, h.Store.Read(), args.InstallationID)
	if err != nil {
		return err
	}
	b := &budget{kept}
	wait, err := h.scanDue(ctx, args.InstallationID, b)
	if err != nil {
		return err
	}
	count, next, err := h.Store.NextScan(ctx, args.InstallationID)
	if err != nil || count == 0 {
		return err // the next watch enqueues a job
	}
	at := next.Time()
	if wait.After(at) {
		at = wait
	}
	return h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		item := args.Item()
		item.Options.RunAt = at
		return h.Queue.Enqueue(ctx, tx, item)
	})
}

// scanDue scans what is due, until GitHub wants a pause: then it says until when.
func (h *History) scanDue(ctx context.Context, installationID int64, b *budget) (wait time.Time, err error) {
	due, err := h.Store.DueScans(ctx, installationID, h.now(), scanBatch)
	if err != nil || len(due) == 0 {
		return time.Time{}, err
	}
	count, _, err := h.Store.NextScan(ctx, installationID)
	if err != nil {
		return time.Time{}, err
	}
	client, err := h.Clients.Installation(installationID)
	if err != nil {
		return time.Time{}, err
	}
	for i := range due {
		now := h.Clock.Now()
		if b.at(now); b.spent() {
			return b.over(), nil
		}
		if until, ok := scarce(h.rate(installationID), spareScan, now); ok {
			return until, nil
		}
		s := &scan{History: h, client: client, budget: b, repositories: count, Scan: due[i].Scan, repo: queue.Repo{
			InstallationID: installationID, ID: due[i].ID, Owner: due[i].Owner, Name: due[i].Name,
		}, at: due[i].Repository, branch: due[i].DefaultBranch}
		err := s.run(ctx)
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		if err != nil {
			if wait, err = s.failed(ctx, err); err != nil || !wait.IsZero() {
				return wait, err
			}
		}
	}
	return time.Time{}, nil
}

// scan is the comparison of one repository.
type scan struct {
	*History
	store.Scan
	client       *github.Client
	repo         queue.Repo
	at           store.Repository // on record
	branch       string           // default branch
	budget       *budget
	repositories int // that share the installation's limit
}

// run lists, compares and records. Nothing is recorded when any of it fails.
func (s *scan) run(ctx context.Context) error {
	began := s.Clock.Now()
	watches, err := store.WatchesOf(ctx, s.Store.Read(), s.repo.ID)
	if err != nil {
		return err
	}
	if s.branch, err = s.branchOf(ctx, s.client, s.repo, s.branch); err != nil {
		return &requestError{err}
	}
	s.at.DefaultBranch = s.branch
	list, err := s.list(ctx, watches)
	if err != nil {
		return err
	}
	d, err := s.compare(ctx, watches, list)
	if err != nil {
		return err
	}
	s.ScannedAt, s.ReadThrough, s.Failures = store.MillisOf(began), store.MillisOf(began), 0
	return s.record(ctx, d)
}

// failed decides what an error means: for the installation a pause until a
// moment, for the repository alone a later look. Errors of our own are given back.
func (s *scan) failed(ctx context.Context, cause error) (wait time.Time, err error) {
	now := s.Clock.Now()
	var (
		asked     *requestError
		elsewhere *runs.ElsewhereError
	)
	if !errors.As(cause, &asked) {
		return wait, cause
	}
	until, limited := githubapi.LimitedUntil(cause)
	moved := errors.As(cause, &elsewhere)
	log := zerolog.Ctx(ctx).With().Err(cause).Str("repo", s.repo.FullName()).Logger()
	switch {
	case limited:
		wait = until
	case githubapi.IsDormant(cause):
		wait = now.Add(dormant)
	case moved || githubapi.Outcome(cause) == githubapi.Refused:
		s.metrics.scans.WithLabelValues("refused").Inc()
		s.Failures++
		s.NextAt = store.MillisOf(now.Add(min(s.scaled(scanRetry)<<min(s.Failures+2, 12), maxRefused)))
		log.Warn().Time("again", s.NextAt.Time()).Msg("runs could not be compared")
		return wait, s.save(ctx, func(ctx context.Context, tx *store.Tx) error {
			if !moved && !githubapi.IsNotFound(cause) {
				return nil
			}
			return s.Queue.Enqueue(ctx, tx, queue.SyncInstallation{InstallationID: s.repo.InstallationID}.Item()) // for its new name
		})
	default:
		wait = now.Add(s.scaled(scanRetry))
	}
	s.metrics.scans.WithLabelValues("failed").Inc()
	log.Warn().Time("again", wait).Msg("GitHub does not list runs at the moment")
	return wait, s.save(ctx, nil)
}

// requestError is a list that GitHub did not give, as opposed to a failure of ours.
type requestError struct{ err error }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// save writes the scan and what was spent, after more in the same transaction.
// Doubt that has come meanwhile counts.
func (s *scan) save(ctx context.Context, more func(context.Context, *store.Tx) error) error {
	return s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		now, _, err := store.ReadScan(ctx, tx, s.repo.ID)
		if err != nil {
			return err
		}
		s.DoubtUntil = max(s.DoubtUntil, now.DoubtUntil)
		if more != nil {
			if err := more(ctx, tx); err != nil {
				return err
			}
		}
		if err := tx.SaveScanBudget(ctx, &s.budget.ScanBudget); err != nil {
			return err
		}
		return tx.SaveScan(ctx, &s.Scan)
	})
}

package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

const (
	// sweepWindow is how far back GitHub lists deliveries (3 days on
	// github.com, 7 on Enterprise Server).
	sweepWindow = 3 * 24 * time.Hour
	// sweepOverlap is read again: an attempt is listed when it has ended, up
	// to 30 s after it began, and clocks differ.
	sweepOverlap = 15 * time.Minute
	// maxRequests is how often one delivery is asked for. With the pauses of
	// requestPause that lasts for seven hours.
	maxRequests = 5
	// sweepPages and sweepRequests bound one sweep; the next one goes on.
	sweepPages    = 1000
	sweepRequests = 1000
	perPage       = 100 // GitHub's maximum
)

// errNoDeliveryAPI reports a GitHub Enterprise Server before 3.2.
var errNoDeliveryAPI = errors.New("no list of webhook deliveries")

// requestPause is the pause after the n-th request (1 is the first) for the
// same delivery: 5, 20, 80 and 320 minutes. An endpoint that is still broken
// is not hammered, and a longer outage is outlived.
func (s *Sweeper) requestPause(n int) time.Duration {
	return s.scaled(s.cfg.Interval) << (2 * (n - 1))
}

// Sweep looks for failed deliveries once, asks for them, waits a moment for
// them to come and reports how many of those ever asked for have come since
// the last sweep.
func (s *Sweeper) Sweep(ctx context.Context) (recovered int, err error) {
	began := s.cfg.Clock.Now()
	swept, err := s.cfg.Store.Moment(ctx, momentSwept)
	if err != nil {
		return 0, fmt.Errorf("sweep deliveries: %w", err)
	}
	horizon := began.Add(-sweepWindow)
	if since := swept.Add(-sweepOverlap); since.After(horizon) {
		horizon = since
	}
	attempts, err := s.list(ctx, horizon)
	if err != nil {
		return 0, fmt.Errorf("sweep deliveries: %w", err)
	}
	if err := s.record(ctx, attempts, began); err != nil {
		return 0, fmt.Errorf("sweep deliveries: %w", err)
	}
	asked := s.ask(ctx)
	s.settle(ctx)
	err = s.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		recovered, err = store.MarkArrivals(ctx, tx, s.cfg.Clock.Now())
		return err
	})
	if err = errors.Join(asked, err); err != nil {
		return recovered, fmt.Errorf("sweep deliveries: %w", err)
	}
	return recovered, nil
}

// list reads the attempts since the horizon, newest first.
func (s *Sweeper) list(ctx context.Context, horizon time.Time) (all []*github.HookDelivery, err error) {
	opts := &github.ListCursorOptions{PerPage: perPage}
	for range sweepPages {
		page, resp, err := s.cfg.API.ListHookDeliveries(ctx, opts)
		if isNotFound(err) {
			return nil, errNoDeliveryAPI
		} else if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(horizon) {
				return all, nil
			}
			all = append(all, d)
		}
		if resp.Cursor == "" || resp.Cursor == opts.Cursor {
			return all, nil
		}
		opts.Cursor = resp.Cursor
	}
	zerolog.Ctx(ctx).Warn().Int("attempts", len(all)).Msg("more webhook deliveries than one sweep reads")
	return all, nil
}

// record remembers, durably, which deliveries failed in every attempt. Only
// then the horizon moves on.
func (s *Sweeper) record(ctx context.Context, attempts []*github.HookDelivery, began time.Time) error {
	succeeded := map[string]bool{}
	for _, a := range attempts {
		succeeded[a.GetGUID()] = succeeded[a.GetGUID()] || delivered(a)
	}
	failed := make([]store.Redelivery, 0, len(attempts))
	seen := map[string]int{} // GUID to index in failed
	for _, a := range attempts {
		guid := a.GetGUID()
		if succeeded[guid] || !ended(a) || !usableName(guid) {
			continue
		}
		at := store.MillisOf(a.GetDeliveredAt().Time)
		if i, ok := seen[guid]; ok {
			failed[i].DeliveredAt = min(failed[i].DeliveredAt, at)
			continue
		}
		seen[guid] = len(failed)
		failed = append(failed, store.Redelivery{
			GUID: guid, DeliveryID: a.GetID(), Event: clean(a.GetEvent(), maxName),
			DeliveredAt: at, NextAt: store.MillisOf(began),
		})
	}
	return s.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := store.AddRedeliveries(ctx, tx, failed); err != nil {
			return err
		}
		if err := s.tellFailed(ctx, tx, attempts, seen); err != nil {
			return err
		}
		if err := store.PruneRedeliveries(ctx, tx, began.Add(-sweepWindow)); err != nil {
			return err
		}
		return store.SetMoment(ctx, tx, momentSwept, began)
	})
}

// tellFailed says of which repositories deliveries have failed, those in seen.
func (s *Sweeper) tellFailed(ctx context.Context, tx *store.Tx, attempts []*github.HookDelivery, seen map[string]int) error {
	if s.cfg.Failed == nil {
		return nil
	}
	var repos []int64
	for _, a := range attempts {
		if _, failed := seen[a.GetGUID()]; failed && a.GetRepositoryID() > 0 {
			repos = append(repos, a.GetRepositoryID())
		}
	}
	slices.Sort(repos)
	if repos = slices.Compact(repos); len(repos) == 0 {
		return nil
	}
	return s.cfg.Failed(ctx, tx, repos)
}

func delivered(a *github.HookDelivery) bool { return a.GetStatusCode()/100 == 2 }

// ended reports whether an attempt is over; a listed one without an outcome is
// under way, and the overlap of the next sweep sees how it ended.
func ended(a *github.HookDelivery) bool {
	return a.GetStatusCode() != 0 || a.GetStatus() != "" && a.GetStatus() != "pending"
}

// ask requests what is due, each delivery once. The request is counted before
// it is made, so that a crash between cannot make it endless. It stops at a
// rate limit; any other refusal concerns one delivery only.
func (s *Sweeper) ask(ctx context.Context) error {
	due, err := s.cfg.Store.DueRedeliveries(ctx, s.cfg.Clock.Now(), maxRequests, sweepRequests)
	if err != nil {
		return err
	}
	for _, r := range due {
		next := s.cfg.Clock.Now().Add(s.requestPause(r.Requests + 1))
		err := s.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return store.CountRequest(ctx, tx, r.GUID, next)
		})
		if err != nil {
			return err
		}
		s.await(r.GUID)
		_, _, err = s.cfg.API.RedeliverHookDelivery(ctx, r.DeliveryID)
		if err == nil || isAccepted(err) {
			continue
		}
		s.forget(r.GUID)
		err = fmt.Errorf("redeliver %s: %w", r.GUID, err)
		if _, limited := s.cfg.Limited(err); limited || ctx.Err() != nil {
			return err
		}
		zerolog.Ctx(ctx).Warn().Err(err).Str("delivery_id", r.GUID).Msg("delivery could not be asked for")
	}
	return nil
}

func (s *Sweeper) await(guid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaited[guid] = struct{}{}
	select { // what settled before is no news any more
	case <-s.settled:
	default:
	}
}

func (s *Sweeper) forget(guid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.awaited, guid)
	s.signalSettled()
}

// settle waits until all that was asked for is here, but not for long.
func (s *Sweeper) settle(ctx context.Context) {
	s.mu.Lock()
	open := len(s.awaited)
	s.mu.Unlock()
	if open > 0 {
		timeout := s.cfg.Clock.NewTimer(s.scaled(settleTime))
		defer timeout.Stop()
		select {
		case <-s.settled:
		case <-timeout.Chan():
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.awaited)
}

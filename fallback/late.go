package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// What became of the run of a tick that came when a recovery had begun or done
// its work; latePrimarySkipped is the third.
const (
	latePrimaryCancelled = "cancelled"          // it ended before any step of it had begun
	latePrimaryDuplicate = "duplicate_possible" // steps of it ran
)

const (
	// lateFor is how long the late run of a tick is followed at least; longer
	// for schedules that come less often.
	lateFor = 48 * time.Hour
	// latePeriods is the same in periods of the schedule.
	latePeriods = 3
	// cancelAgain is when a cancel that had no effect is asked for once more.
	cancelAgain = 5 * time.Minute
	// maxCancels bounds how often.
	maxCancels = 5
)

// afterwards is the turn of an incident that is over: the run of its tick can
// still come.
func (e *Engine) afterwards(ctx context.Context, sc *scope) (n next, err error) {
	inc := sc.inc
	if inc.Signal != string(Missed) || inc.LatePrimary != "" {
		return next{}, nil
	}
	switch State(inc.State) {
	case Recovered:
	case Healthy:
		if done, err := doneOtherwise(ctx, e.Store.Read(), inc); err != nil || !done {
			return next{}, err
		}
	default:
		return next{}, nil
	}
	if sc.repo, err = e.repository(ctx, inc); err != nil {
		return next{}, err
	}
	if sc.client, err = e.Clients.Installation(sc.repo.InstallationID); err != nil {
		return next{}, err
	}
	n.at, _, err = e.latePrimary(ctx, sc)
	return n, err
}

// doneOtherwise says whether the work of a tick whose incident is healthy was
// done by somebody's own run in its place.
func doneOtherwise(ctx context.Context, db bun.IDB, inc *store.Incident) (bool, error) {
	c, ok, err := store.ReadClaim(ctx, db, inc.OccurrenceKey)
	_, _, itself := ownerRun(c.Owner) // the tick's own run, which came late and asked for the claim
	return ok && c.State == store.ClaimDone && !itself, err
}

// latePrimary deals with the run of a tick that came when a step of ours has
// acted in its place. stop is true when the run itself has settled the
// incident; until is when to look at the run again, if ever.
func (e *Engine) latePrimary(ctx context.Context, sc *scope) (until time.Time, stop bool, err error) {
	if sc.inc.Signal != string(Missed) || sc.inc.RunID != 0 {
		return until, false, nil
	}
	known, ok, err := e.tickRun(ctx, sc)
	if err != nil || !ok {
		return until, false, err
	}
	if known, err = e.reread(ctx, sc.client, sc.repo, known.RunID); err != nil {
		if githubapi.IsNotFound(err) { // deleted, or not shown yet
			err = nil
			until = e.lateLook(ctx, sc, known)
		}
		return until, false, err
	}
	told, err := e.toldToSkip(ctx, known)
	if err != nil || told { // its success is none, and said so already
		return until, false, err
	}
	began, shown, err := e.stepsBegan(ctx, sc, known)
	if err != nil {
		return until, false, err
	}
	if !shown { // what became of it is written down for good
		return e.lateLook(ctx, sc, known), false, nil
	}
	if known.Conclusion == "success" && State(sc.inc.State) == Verifying && began {
		return until, true, e.overtake(ctx, sc, known)
	}
	if sc.inc.LatePrimary != "" {
		return until, false, nil
	}
	return e.judgeLate(ctx, sc, known, began)
}

func (e *Engine) judgeLate(ctx context.Context, sc *scope, known store.WorkflowRun, began bool) (until time.Time, stop bool, err error) {
	if !known.Completed() && began {
		// A guard says at its first step whether the run goes on.
		guarded, err := e.asksForClaim(ctx, sc.inc)
		if err != nil || guarded {
			return e.lateLook(ctx, sc, known), false, err
		}
	}
	switch {
	case began:
		return until, false, e.noteLate(ctx, sc, known, latePrimaryDuplicate, "duplicate possible: the tick's own run came, "+lateness(sc.inc, known)+", and began its work"+e.alsoAsked(sc))
	case known.Completed():
		return until, false, e.noteLate(ctx, sc, known, latePrimaryCancelled, "the tick's own run came, "+lateness(sc.inc, known)+", and ended as "+known.Conclusion+" before a step of it had begun")
	case sc.flow.Schedule.Late == config.LateCancel:
		return e.cancelLate(ctx, sc, known)
	}
	return e.lateLook(ctx, sc, known), false, nil
}

// alsoAsked says that the duplicate came although its cancelling was asked for.
func (e *Engine) alsoAsked(sc *scope) string {
	if sc.inc.CancelAskedAt == 0 {
		return ""
	}
	return " before it could be cancelled"
}

// cancelLate asks GitHub to end a late run none of whose steps has begun, and
// does not while a person has paused the workflow. That it has ended, and how
// far it got until then, is read afterwards.
func (e *Engine) cancelLate(ctx context.Context, sc *scope, known store.WorkflowRun) (until time.Time, stop bool, err error) {
	now := e.Clock.Now()
	if asked := sc.inc.CancelAskedAt; asked != 0 && now.Before(asked.Time().Add(e.scaled(cancelAgain))) {
		return minTime(e.lateLook(ctx, sc, known), now.Add(e.scaled(pollMin))), false, nil
	}
	if sc.inc.CancelRefused >= maxCancels {
		return e.lateLook(ctx, sc, known), false, nil
	}
	if pause, paused, err := e.paused(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath); err != nil || paused {
		until = e.lateLook(ctx, sc, known)
		if end := pause.UntilAt.Time(); pause.UntilAt != 0 && !until.IsZero() {
			until = minTime(until, end)
		}
		return until, false, err
	}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.CancelAskedAt = e.now()
		sc.inc.CancelRefused++ // until the run is seen to have ended
		reason := "the tick's own run came, " + lateness(sc.inc, known) + ", and has begun no step; GitHub is asked to cancel it"
		return e.note(ctx, tx, sc.inc, reason, runEvidence(known))
	})
	if err != nil {
		return until, false, err
	}
	if err = postCancel(ctx, sc.client, sc.repo, known.RunID, false); githubapi.Outcome(err) == githubapi.NotSent {
		return until, false, err
	}
	// Whatever the answer, the run tells.
	return now.Add(e.scaled(pollSettle)), false, nil
}

// noteLate writes down what became of a late run, for good.
func (e *Engine) noteLate(ctx context.Context, sc *scope, known store.WorkflowRun, what, reason string) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.LatePrimary = what
		if err := e.note(ctx, tx, sc.inc, reason, runEvidence(known)); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, tx, refreshItem(sc.inc.ID))
	})
}

// overtake ends an incident whose tick's own run has succeeded while a step of
// ours was not proven yet. That both have done the work is possible.
func (e *Engine) overtake(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	if sc.inc.LatePrimary == "" {
		reason := "duplicate possible: the tick's own run came, " + lateness(sc.inc, known) + ", and did its work while a step was under way"
		if err := e.noteLate(ctx, sc, known, latePrimaryDuplicate, reason); err != nil {
			return err
		}
	}
	return e.supersede(ctx, sc, known)
}

// asksForClaim says whether the workflow of an incident asks for the claim
// itself, as far as it is said or shows today.
func (e *Engine) asksForClaim(ctx context.Context, inc *store.Incident) (bool, error) {
	var flow config.Workflow
	if err := json.Unmarshal([]byte(inc.Ladder), &flow); err != nil {
		return false, fmt.Errorf("decode ladder of incident %d: %w", inc.ID, err)
	}
	if flow.Effect == config.Guarded {
		return true, nil
	}
	return e.carriesGuard(ctx, inc)
}

// lateLook is when to look at a late run again: its webhooks come first, if
// any. The zero time once it is too old to matter.
func (e *Engine) lateLook(ctx context.Context, sc *scope, known store.WorkflowRun) time.Time {
	age := e.Clock.Since(known.CreatedAt.Time())
	until := lateFor
	if w, ok, err := store.ReadWatch(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath); err == nil && ok {
		if facts, _, err := clock.ReadWatch(&w); err == nil {
			until = max(until, latePeriods*min(e.clock.Schedule(facts.Crons).Period(), 10*lateFor))
		}
	}
	if age > until {
		return time.Time{}
	}
	return e.Clock.Now().Add(min(max(age/4, e.scaled(pollMin)), e.scaled(pollDoubt)))
}

package fallback

import (
	"context"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// cancelWait is how long a cancel may take. GitHub gives the steps that run
// and those with `if: always()` a few minutes to end.
const cancelWait = 5 * time.Minute

// The stages of Incident.CancelRefused.
const (
	cancelAsked  = iota // after CancelAskedAt is set; before, nothing was asked
	cancelForced        // the cancel was refused, or had no effect
	cancelNever         // force-cancel as well: GitHub has lost the run
)

// preparer is a subject that has something to do before the first step that
// would come into question. It is asked before that step is passed over.
type preparer interface {
	prepare(ctx context.Context, e *Engine, sc *scope, s step) (n next, stop bool, err error)
}

// prepare ends the run that is stuck, where that is wanted and nothing holds
// the incident back, so that it can be re-run, and provably does nothing any
// more. A run that cannot be ended is given up: its successor does not wait
// for it.
func (stallSubject) prepare(ctx context.Context, e *Engine, sc *scope, s step) (n next, stop bool, err error) {
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
	if err != nil || !ok || known.Completed() || known.Tombstone != "" || sc.inc.MissingSince != 0 {
		return next{}, false, err
	}
	if n, stop, err := e.gatedBut(ctx, sc, s, proofName); err != nil || stop {
		return n, stop, err
	}
	if held, err := e.crowdedOut(ctx, sc); err != nil || held {
		return next{at: sc.inc.NotBefore.Time()}, held, err
	}
	if why := keep(sc); why != "" {
		return next{}, false, e.bury(ctx, sc, known, why, nil)
	}
	if sc.inc.CancelAskedAt == 0 {
		return next{again: true}, true, e.askCancel(ctx, sc, cancelAsked, "asking GitHub to cancel the run", nil)
	}
	switch {
	case sc.inc.CancelRefused == cancelNever:
		return next{}, false, e.bury(ctx, sc, known, "it can be neither cancelled nor force-cancelled", nil)
	case sc.inc.LookedAt < sc.inc.CancelAskedAt: // nobody knows that GitHub has taken it on, however long ago it was noted
		return e.sendCancel(ctx, sc)
	case e.Clock.Since(sc.inc.LookedAt.Time()) >= e.scaled(cancelWait): // LookedAt is when it was sent
		return e.cancelFailed(ctx, sc, "it had no effect within "+showDuration(cancelWait))
	}
	return next{at: minTime(e.poll(sc.inc.LookedAt), sc.inc.LookedAt.Time().Add(e.scaled(cancelWait)))}, true, nil
}

// crowdedOut suppresses an incident that would be one too many, before its run
// is cancelled: a run without a successor is better off in the queue.
func (e *Engine) crowdedOut(ctx context.Context, sc *scope) (held bool, err error) {
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		held, err = e.crowdOut(ctx, tx, sc.inc)
		return err
	})
	return held, err
}

// keep says why a stuck run must not be cancelled, "" when it may be.
func keep(sc *scope) string {
	switch {
	case sc.flow.Stall.Cancel == config.CancelNever:
		return "it is not to be cancelled (stall.cancel is never)"
	case !sc.sight.Unseen.IsZero() && sc.flow.Stall.Cancel != config.CancelAlways:
		return "its jobs are not shown and may be at work, so it is not to be cancelled (stall.cancel is idle)"
	case sc.sight.Steps > 0 && sc.flow.Stall.Cancel != config.CancelAlways:
		return "steps of it have begun, so it is not to be cancelled (stall.cancel is idle)"
	}
	return ""
}

// askCancel notes that GitHub will be asked to cancel, before it is.
func (e *Engine) askCancel(ctx context.Context, sc *scope, stage int, reason string, evidence map[string]any) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.CancelAskedAt, sc.inc.CancelRefused, sc.inc.LookedAt = e.now(), stage, 0
		return e.note(ctx, tx, sc.inc, reason, evidence)
	})
}

// sendCancel asks GitHub to cancel, or to force it. Asked twice after a crash,
// it does no more than once.
func (e *Engine) sendCancel(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	err = postCancel(ctx, sc.client, sc.repo, sc.inc.RunID, sc.inc.CancelRefused == cancelForced)
	if err := e.at(pointEffect); err != nil {
		return next{}, false, err
	}
	if _, limited := githubapi.LimitedUntil(err); limited {
		return next{}, false, err
	}
	switch githubapi.Outcome(err) {
	case githubapi.Refused:
		// It may have ended a moment ago by itself.
		if known, err := e.readStalled(ctx, sc); err == nil && known.Completed() {
			return next{again: true}, true, nil
		}
		return e.cancelFailed(ctx, sc, "GitHub refused: "+err.Error())
	case githubapi.NotSent:
		return next{}, false, err
	case githubapi.Unknown:
		// It may have been lost, and a run that nobody has asked to end is not
		// one that cannot be ended.
		if e.Clock.Since(sc.inc.CancelAskedAt.Time()) >= e.scaled(cancelWait) {
			return e.cancelFailed(ctx, sc, "GitHub did not answer: "+err.Error())
		}
		return next{at: e.Clock.Now().Add(e.scaled(pollMin))}, true, nil
	}
	// Whether it has had an effect shows in the run.
	soon := e.Clock.Now().Add(e.scaled(pollSettle))
	return next{at: soon}, true, e.Store.Update(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		sc.inc.LookedAt = e.now()
		return e.note(ctx, tx, sc.inc, "GitHub was asked to cancel the run; waiting for its end", map[string]any{"run": sc.inc.RunID, "forced": sc.inc.CancelRefused == cancelForced})
	})
}

// cancelFailed goes from a cancel to a forced one, and from that to giving the run up.
func (e *Engine) cancelFailed(ctx context.Context, sc *scope, why string) (n next, stop bool, err error) {
	evidence := map[string]any{"run": sc.inc.RunID, "answer": clip(why, 500)}
	if sc.inc.CancelRefused == cancelAsked {
		return next{again: true}, true, e.askCancel(ctx, sc, cancelForced, "the run was not cancelled: "+clip(why, maxName)+"; forcing it", evidence)
	}
	return next{again: true}, true, e.askCancel(ctx, sc, cancelNever, "the run was not cancelled by force either: "+clip(why, maxName), evidence)
}

// postCancel cancels a run. A forced cancel does not run what is to run always
// (GitHub, "Force cancel a workflow run").
func postCancel(ctx context.Context, client *github.Client, repo queue.Repo, runID int64, force bool) error {
	what := "cancel"
	if force {
		what = "force-cancel"
	}
	return postRun(ctx, client, repo, runID, what)
}

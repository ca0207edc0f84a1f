package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// secondLook is the least time between two looks that agree before what is
// missing is believed to be missing: GitHub's readers lag behind its events,
// and one of them can answer wrongly.
const secondLook = time.Minute

// stallSubject is a run that waits or hangs.
type stallSubject struct{}

// confirm believes it after two looks that agree.
func (stallSubject) confirm(ctx context.Context, e *Engine, sc *scope) (next, error) {
	known, err := e.readStalled(ctx, sc)
	if githubapi.IsNotFound(err) {
		return e.stalledRunIsGone(ctx, sc)
	}
	if err != nil {
		return next{}, err
	}
	if known.Completed() {
		return next{again: runs.Failed(known.Conclusion)}, e.stallIsOver(ctx, sc, known)
	}
	j, err := e.judgeStalled(ctx, sc, known)
	if err != nil {
		return next{}, err
	}
	switch {
	case j.Level == stall.Unseen && known.Attempt == sc.inc.RunAttempt:
		return next{at: j.Next}, nil
	case j.Level == stall.Fine || j.Level == stall.Waiting || known.Attempt != sc.inc.RunAttempt:
		return next{}, e.gotOn(ctx, sc, known, j)
	case j.Level == stall.Suspected && sc.inc.LookedAt != 0: // it has moved between two looks
		sc.inc.LookedAt = 0
		return next{at: j.Next}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.note(ctx, tx, sc.inc, "the run has moved meanwhile", stuckEvidence(known, j))
		})
	case j.Level == stall.Suspected:
		return next{at: j.Next}, nil
	case sc.inc.LookedAt == 0:
		sc.inc.LookedAt = e.now()
		return next{at: e.Clock.Now().Add(e.scaled(secondLook))}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.note(ctx, tx, sc.inc, stuckReason(known, j)+"; looking again before it is believed", stuckEvidence(known, j))
		})
	}
	if second := sc.inc.LookedAt.Time().Add(e.scaled(secondLook)); e.Clock.Now().Before(second) {
		return next{at: second}, nil
	}
	if later, ok, err := e.laterSuccess(ctx, sc); err != nil || ok {
		if err != nil {
			return next{}, err
		}
		return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.well(ctx, tx, sc.inc, later) })
	}
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		e.causeOfStall(sc, j)
		return e.move(ctx, tx, sc.inc, Failing, stuckReason(known, j), stuckEvidence(known, j))
	})
}

// laterSuccess is a later good run of the workflow, which leaves nothing to
// recover.
func (e *Engine) laterSuccess(ctx context.Context, sc *scope) (store.WorkflowRun, bool, error) {
	later, ok, err := store.LaterSuccess(ctx, e.Store.Read(), sc.inc)
	if err == nil && !ok && e.Clock.Since(sc.inc.RunCreatedAt.Time()) > freshFor {
		return e.listLater(ctx, sc)
	}
	return later, ok, err
}

// readStalled reads the run, and its repository's name from it.
func (e *Engine) readStalled(ctx context.Context, sc *scope) (store.WorkflowRun, error) {
	r, err := runs.Get(ctx, sc.client, sc.repo, sc.inc.RunID)
	if githubapi.IsNotFound(err) {
		// It may be the repository that has moved.
		if sc.repo, err = e.locate(ctx, sc.client, sc.repo); err == nil {
			r, err = runs.Get(ctx, sc.client, sc.repo, sc.inc.RunID)
		}
	}
	if err != nil {
		return store.WorkflowRun{}, err
	}
	if sc.repo, err = e.recognise(ctx, sc.repo, r.GetRepository()); err != nil {
		return store.WorkflowRun{}, err
	}
	return e.sight(ctx, sc.repo, r)
}

// judgeStalled says where the incident's run stands now.
func (e *Engine) judgeStalled(ctx context.Context, sc *scope, known store.WorkflowRun) (judged, error) {
	j, err := e.judge(ctx, sc.client, sc.repo, known, sc.flow.Stall)
	sc.sight = j.Sight
	return j, err
}

// causeOfStall: nothing of the user's has failed. A step that hangs is like
// one that runs into its limit.
func (e *Engine) causeOfStall(sc *scope, j judged) {
	sc.inc.Cause = string(config.Infrastructure)
	if j.Running {
		sc.inc.FailedJob, sc.inc.FailedStep = clip(j.Job, maxName), clip(j.Step, maxName)
	}
}

// stalledRunIsGone ends the suspicion about a run that somebody has deleted.
func (e *Engine) stalledRunIsGone(ctx context.Context, sc *scope) (next, error) {
	if n, stop, err := e.missing(ctx, sc); err != nil || stop {
		return n, err
	}
	return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.move(ctx, tx, sc.inc, Healthy, "the run is gone: somebody has deleted it", map[string]any{"run": sc.inc.RunID})
	})
}

// gotOn ends the suspicion about a run that has got on, and goes on watching it.
func (e *Engine) gotOn(ctx context.Context, sc *scope, known store.WorkflowRun, j judged) error {
	reason := "the run has got on"
	switch {
	case known.Attempt != sc.inc.RunAttempt:
		reason = fmt.Sprintf("attempt %d of the run was started by %s", known.Attempt, who(known.Actor))
	case j.Level == stall.Waiting:
		reason = "the run waits for a person, or for its turn in its concurrency group"
	case j.Steps > 0 && !j.Began.Before(sc.inc.OpenedAt.Time()):
		reason = fmt.Sprintf("the run has begun, after %s", showDuration(j.Began.Sub(j.Since)))
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.sing(ctx, tx, sc.repo, known, j); err != nil {
			return err
		}
		if err := e.move(ctx, tx, sc.inc, Healthy, reason, runEvidence(known)); err != nil {
			return err
		}
		if known.Attempt != sc.inc.RunAttempt {
			return e.inspectLater(ctx, tx, sc.repo, known)
		}
		return e.inspectAt(ctx, tx, queue.InspectRun{Repo: sc.repo, RunID: known.RunID, Attempt: known.Attempt}, j.Next)
	})
}

// stallIsOver ends the suspicion about a run that has ended meanwhile. One
// that failed is from now on like any that failed.
func (e *Engine) stallIsOver(ctx context.Context, sc *scope, known store.WorkflowRun) error {
	reason := fmt.Sprintf("attempt %d concluded %s", known.Attempt, known.Conclusion)
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if !runs.Failed(known.Conclusion) {
			return e.move(ctx, tx, sc.inc, Healthy, reason, runEvidence(known))
		}
		fill(sc.inc, known)
		return e.move(ctx, tx, sc.inc, Failing, reason, runEvidence(known))
	})
}

// look reads where the run stands before anything is done about it.
func (stallSubject) look(ctx context.Context, e *Engine, sc *scope) (n next, stop bool, err error) {
	known, err := e.readStalled(ctx, sc)
	if githubapi.IsNotFound(err) {
		return e.missing(ctx, sc) // deleted: it can have no effect any more
	}
	if err != nil {
		return next{}, false, err
	}
	if sc.inc.MissingSince != 0 {
		if err := e.reappeared(ctx, sc); err != nil {
			return next{}, false, err
		}
	}
	if known.Completed() {
		return e.stalledRunEnded(ctx, sc, known)
	}
	j, err := e.judgeStalled(ctx, sc, known)
	if err != nil {
		return next{}, false, err
	}
	switch s := State(sc.inc.State); {
	case s != Failing && s != Recovering && s != Suppressed:
		return next{}, false, nil
	case j.Level == stall.Unseen:
		return next{at: j.Next}, true, nil
	case j.Level != stall.Stuck && sc.inc.ConfirmedAt == 0 && known.Attempt == sc.inc.RunAttempt:
		sc.inc.HeldBy, sc.inc.NotBefore = "", 0
		return next{}, true, e.gotOn(ctx, sc, known, j)
	case j.Level != stall.Stuck:
		// It goes on after all; what it comes to is awaited, like somebody's re-run.
		return next{at: e.poll(sc.inc.UpdatedAt)}, true, e.follow(ctx, sc, known)
	case known.Attempt != sc.inc.RunAttempt:
		return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.takeUpStall(ctx, tx, sc.inc, known, j)
		})
	}
	if sc.inc.Cause == "" {
		e.causeOfStall(sc, j)
	}
	stop, err = e.outdated(ctx, sc)
	return next{}, stop, err
}

// stalledRunEnded says what the end of the run means: an end that we have
// asked for is none of its own.
func (e *Engine) stalledRunEnded(ctx context.Context, sc *scope, known store.WorkflowRun) (n next, stop bool, err error) {
	proves, err := store.Proves(ctx, e.Store.Read(), known)
	if err != nil {
		return next{}, false, err
	}
	if proves {
		return next{}, true, e.supersede(ctx, sc, known)
	}
	if known.Attempt == sc.inc.RunAttempt && known.Conclusion == sc.inc.Conclusion {
		stop, err = e.outdated(ctx, sc)
		return next{}, stop, err
	}
	s := State(sc.inc.State)
	asked := sc.inc.CancelAskedAt != 0 && known.Attempt == sc.inc.RunAttempt
	acting := s == Failing || s == Recovering || s == Suppressed
	reason, skipped := fmt.Sprintf("attempt %d of the run concluded %s", known.Attempt, known.Conclusion), known.Conclusion == "success"
	if skipped {
		reason += "; it was told to skip its work, so that this proves nothing"
	}
	return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if !runs.Failed(known.Conclusion) && !skipped && !asked && acting && !sc.inc.Forced {
			sc.inc.HeldBy, sc.inc.NotBefore = "", 0
			return e.move(ctx, tx, sc.inc, Superseded, reason+", which was somebody's decision", runEvidence(known))
		}
		cause := sc.inc.Cause
		fill(sc.inc, known)
		if !runs.Failed(known.Conclusion) {
			sc.inc.Conclusion, sc.inc.Cause = known.Conclusion, cause
		}
		return e.note(ctx, tx, sc.inc, reason, runEvidence(known))
	})
}

// ended: a run that was accepted can begin as long as GitHub has not ended it,
// and be it days later.
func (stallSubject) ended(ctx context.Context, e *Engine, sc *scope) (string, error) {
	if sc.inc.MissingSince != 0 {
		return "the run is gone", nil // look has waited for it to come back
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
	if err != nil || !ok || !known.Completed() {
		return "", err
	}
	return "the run has ended as " + known.Conclusion, nil
}

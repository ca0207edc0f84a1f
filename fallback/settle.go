package fallback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// verdict is what is known about a step after acting, asking or looking.
type verdict int

const (
	pending    verdict = iota // not known yet; look again at until
	happened                  // the effect took place; its evidence comes next
	succeeded                 // proven
	failedStep                // it happened and did not help
	refused                   // it did not happen and will not
	notSent                   // nothing was taken on; may be done again at once
	notDone                   // asking showed that it did not happen
	unknown                   // the answer was lost; ask
	inDoubt                   // asking does not tell; a person decides
	overtaken                 // somebody's own re-run succeeded
)

// result of acting, asking or looking.
type result struct {
	verdict  verdict
	reason   string
	evidence map[string]any
	until    time.Time         // with pending
	cause    error             // with notSent: what the queue shall make of it
	runs     []store.Child     // with happened: the runs it started; the first one is followed
	told     bool              // with happened: GitHub named the run, it was not found by search
	url      string            // with happened
	unable   bool              // with refused: whoever was asked could not, and would have
	over     store.WorkflowRun // with overtaken
}

// afterCall judges the error of a request that changes something.
func afterCall(err error, done result) result {
	if err == nil {
		return done
	}
	if _, limited := githubapi.LimitedUntil(err); limited && githubapi.Outcome(err) != githubapi.Unknown {
		return result{verdict: notSent, reason: err.Error(), cause: err}
	}
	var never *queue.PermanentError
	if errors.As(err, &never) { // refused before it was sent
		return result{verdict: refused, reason: err.Error()}
	}
	switch githubapi.Outcome(err) {
	case githubapi.Done:
		return done
	case githubapi.NotSent:
		return result{verdict: notSent, reason: err.Error(), cause: err}
	case githubapi.Refused:
		return result{verdict: refused, reason: "GitHub refused: " + err.Error()}
	default:
		return result{verdict: unknown, reason: err.Error()}
	}
}

// settle writes an outcome: of the try, of the claim and of the incident,
// together.
func (e *Engine) settle(ctx context.Context, sc *scope, st *store.Step, res result) (next, error) {
	switch res.verdict {
	case pending:
		return next{at: res.until}, nil
	case unknown:
		// The intent stands. When this process is being stopped, the next one asks.
		return next{again: true}, errors.Join(e.jot(ctx, st, res), ctx.Err())
	case overtaken:
		return next{}, e.supersede(ctx, sc, res.over)
	}
	was := st.State
	st.Reason = res.reason
	if len(res.evidence) > 0 {
		st.Evidence = document(res.evidence)
	}
	n := next{again: true}
	// The outcome of an effect is written even when the job's time is up: not
	// knowing would cost more than a commit.
	ctx = context.WithoutCancel(ctx)
	err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.experience(ctx, tx, sc, st, res); err != nil {
			return err
		}
		switch res.verdict {
		case happened:
			return e.started(ctx, tx, sc, st, was, res)
		case succeeded:
			return e.recovered(ctx, tx, sc, st, was, res)
		case inDoubt:
			return e.doubted(ctx, tx, sc, st, was, res)
		case notSent, notDone:
			return e.undone(ctx, tx, sc, st, was, res)
		default:
			return e.stepFailed(ctx, tx, sc, st, was, res)
		}
	})
	switch {
	case errors.Is(err, store.ErrAdopted) && res.told:
		// GitHub named a run that another step counts as its own: which of the
		// two did what is not to be found out.
		return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.doubted(ctx, tx, sc, st, was, result{reason: err.Error(), evidence: res.evidence})
		})
	case err != nil:
		return next{}, err
	case res.cause != nil:
		return next{}, res.cause
	case res.verdict == happened && st.RunID != 0:
		n = next{at: e.poll(st.StartedAt)} // its end comes as a webhook
	case res.verdict == succeeded || res.verdict == inDoubt && st.RunID == 0:
		n = next{}
	case res.verdict == inDoubt:
		n = next{at: e.Clock.Now().Add(e.scaled(pollDoubt))}
	}
	return n, nil
}

// jot keeps with an intent what is needed to find out what became of it.
func (e *Engine) jot(ctx context.Context, st *store.Step, res result) error {
	if len(res.evidence) == 0 {
		return nil
	}
	st.Evidence = document(res.evidence)
	return e.Store.Update(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error { return tx.SwapStep(ctx, st, st.State) })
}

// writeStep stores a try and counts it once it has ended.
func (e *Engine) writeStep(ctx context.Context, tx *store.Tx, st *store.Step, was store.StepState) error {
	e.metrics.step(tx, st)
	if err := tx.SwapStep(ctx, st, was); err != nil || was != store.StepIntent {
		return err
	}
	return e.wakeNext(ctx, tx, st)
}

func (e *Engine) started(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, was store.StepState, res result) error {
	st.State, st.StartedAt, st.URL = store.StepStarted, e.now(), res.url
	for i, c := range res.runs {
		c.RepoID, c.StepID, c.IncidentID = st.RepoID, st.ID, st.IncidentID
		if err := tx.Adopt(ctx, c); err != nil {
			return err
		}
		if i == 0 {
			st.RunID, st.RunAttempt = c.RunID, c.Attempt
		}
	}
	if err := e.writeStep(ctx, tx, st, was); err != nil {
		return err
	}
	if was == store.StepInDoubt {
		if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimHeld, e.now()); err != nil {
			return err
		}
	}
	e.metrics.acted(tx, sc, st)
	return e.move(ctx, tx, sc.inc, Verifying, res.reason, res.evidence)
}

func (e *Engine) recovered(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, was store.StepState, res result) error {
	st.State, st.DoneAt = store.StepSucceeded, e.now()
	if err := e.writeStep(ctx, tx, st, was); err != nil {
		return err
	}
	if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimDone, e.now()); err != nil {
		return err
	}
	if err := e.closeBreaker(ctx, tx, sc.inc.RepoID, sc.inc.WorkflowPath); err != nil {
		return err
	}
	return e.move(ctx, tx, sc.inc, Recovered, fmt.Sprintf("step %d (%s): %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason), res.evidence)
}

func (e *Engine) doubted(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, was store.StepState, res result) error {
	st.State = store.StepInDoubt
	if err := e.writeStep(ctx, tx, st, was); err != nil {
		return err
	}
	if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimInDoubt, e.now()); err != nil {
		return err
	}
	return e.move(ctx, tx, sc.inc, InDoubt, fmt.Sprintf("step %d (%s): %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason), res.evidence)
}

// undone closes a try without an effect; the rung is tried again.
func (e *Engine) undone(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, was store.StepState, res result) error {
	gone, unsent := 1+sc.count(store.StepNotDone), 1+sc.count(store.StepNotSent)
	st.State, st.DoneAt = store.StepNotSent, e.now()
	reason := fmt.Sprintf("step %d (%s) was not taken on: %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason)
	if res.cause == nil && unsent >= maxNotSent {
		// With a cause the queue counts and spaces the attempts; without one
		// nobody else would end this.
		sc.inc.StepIndex++
		reason += "; giving the step up"
	}
	if res.verdict == notDone {
		st.State = store.StepNotDone
		reason = fmt.Sprintf("step %d (%s) did not happen: %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason)
		if gone >= maxNotDone {
			sc.inc.StepIndex++
			reason += "; giving the step up"
		}
	}
	if err := e.writeStep(ctx, tx, st, was); err != nil {
		return err
	}
	if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimFree, e.now()); err != nil {
		return err
	}
	return e.note(ctx, tx, sc.inc, reason, res.evidence)
}

// stepFailed closes a try that did not help, and moves on when the rung has no
// further ones.
func (e *Engine) stepFailed(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, was store.StepState, res result) error {
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return err
	}
	tries := 1 + sc.count(store.StepFailed)
	st.State, st.DoneAt = store.StepFailed, e.now()
	if err := e.writeStep(ctx, tx, st, was); err != nil {
		return err
	}
	if err := tx.SetClaim(ctx, st.ClaimKey, st.Epoch, store.ClaimFree, e.now()); err != nil {
		return err
	}
	if st.Kind == kindRerun && st.RunAttempt > sc.inc.RunAttempt {
		// The attempt that we started is accounted for by this step.
		sc.inc.RunAttempt, sc.inc.Cause = st.RunAttempt, ""
		if ended, _ := res.evidence["conclusion"].(string); ended != "" {
			sc.inc.Conclusion = ended
		}
	}
	spared, err := e.spared(ctx, tx, st, res)
	if err != nil {
		return err
	}
	// A rung of a round that a person asked for has had its try all the same: an
	// outage would be tried out again and again on one request.
	if res.verdict == refused || spared && sc.inc.Forced || tries >= s.tries() && !spared {
		sc.inc.StepIndex++
	} else {
		e.backOff(sc.inc, tries)
	}
	return e.move(ctx, tx, sc.inc, Recovering, fmt.Sprintf("step %d (%s) failed: %s", st.StepIndex+1, describe(st.Kind, st.Target), res.reason), res.evidence)
}

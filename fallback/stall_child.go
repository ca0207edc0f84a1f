package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// What is kept with a step whose run GitHub was asked to cancel, or will be.
const (
	noteCancelled = "cancel_asked_at" // Unix ms
	noteForced    = "cancel_forced"
	noteJobless   = "no_jobs_at" // Unix ms, when GitHub first listed no job of it
)

// stuckChild looks after the run that a step has started: one of which no step
// begins is no help, and is ended so that the next rung's turn comes before the
// step's deadline. ok is false while there is nothing to say about it. Its age
// counts from the start of its attempt: a re-run keeps created_at, and by that
// it would be as old as the run that was stuck before it.
func (e *Engine) stuckChild(ctx context.Context, sc *scope, st *store.Step, known store.WorkflowRun) (res result, ok bool, err error) {
	early := stall.Learn(sc.flow.Stall, stall.History{}).Scaled(e.Scale).Soft()
	if st.State != store.StepStarted || known.Attempt != st.RunAttempt || known.BeganAt != 0 || sc.flow.Stall.Cancel == config.CancelNever ||
		e.Clock.Now().Before(ready(known).Add(early)) {
		return result{}, false, nil
	}
	j, err := e.judge(ctx, sc.client, sc.repo, known, sc.flow.Stall)
	if err != nil {
		return result{}, false, err
	}
	if err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.sing(ctx, tx, sc.repo, known, j) }); err != nil {
		return result{}, false, err
	}
	if j.Level != stall.Stuck || j.Steps > 0 || !j.Unseen.IsZero() {
		return result{}, false, nil
	}
	if again, err := e.lookAgain(ctx, st, j); err != nil || !again.IsZero() {
		return result{verdict: pending, until: again}, err == nil, err
	}
	return e.endChild(ctx, sc, st, known, j)
}

// lookAgain is when to look once more at a run of which GitHub lists no job at
// all: one such answer is not believed. The zero time when it was asked twice.
func (e *Engine) lookAgain(ctx context.Context, st *store.Step, j judged) (time.Time, error) {
	notes := evidenceOf(st.Evidence)
	if j.Jobs > 0 || notes[noteCancelled] != nil {
		return time.Time{}, nil
	}
	if at, noted := notes[noteJobless].(float64); noted {
		if again := time.UnixMilli(int64(at)).Add(e.scaled(secondLook)); e.Clock.Now().Before(again) {
			return again, nil
		}
		return time.Time{}, nil
	}
	if notes == nil {
		notes = map[string]any{}
	}
	notes[noteJobless] = e.Clock.Now().UnixMilli()
	return e.Clock.Now().Add(e.scaled(secondLook)), e.jot(ctx, st, result{evidence: notes})
}

// endChild cancels the run, then forces it, then does without its end.
func (e *Engine) endChild(ctx context.Context, sc *scope, st *store.Step, known store.WorkflowRun, j judged) (res result, ok bool, err error) {
	notes := evidenceOf(st.Evidence)
	if notes == nil {
		notes = map[string]any{}
	}
	askedAt, _ := notes[noteCancelled].(float64)
	forced, _ := notes[noteForced].(bool)
	wait := time.UnixMilli(int64(askedAt)).Add(e.scaled(cancelWait))
	switch now := e.Clock.Now(); {
	case askedAt != 0 && now.Before(wait):
		return result{verdict: pending, until: minTime(now.Add(e.scaled(pollMin)), wait)}, true, nil
	case askedAt != 0 && forced:
		res, err := e.lostChild(ctx, sc, st, known, j)
		return res, err == nil, err
	case askedAt != 0:
		notes[noteForced] = true
	}
	notes[noteCancelled] = e.Clock.Now().UnixMilli()
	if err := e.jot(ctx, st, result{evidence: notes}); err != nil {
		return result{}, false, err
	}
	err = postCancel(ctx, sc.client, sc.repo, known.RunID, notes[noteForced] == true)
	if _, limited := githubapi.LimitedUntil(err); limited {
		return result{}, false, err
	}
	switch out := githubapi.Outcome(err); {
	case out == githubapi.Refused && notes[noteForced] == true:
		res, err := e.lostChild(ctx, sc, st, known, j)
		return res, err == nil, err
	case out == githubapi.Refused:
		notes[noteCancelled] = e.Clock.Now().Add(-e.scaled(cancelWait)).UnixMilli() // force it now
		return result{verdict: pending, until: e.Clock.Now()}, true, e.jot(ctx, st, result{evidence: notes})
	}
	return result{verdict: pending, until: e.Clock.Now().Add(e.scaled(pollSettle))}, true, nil
}

// lostChild is a run that GitHub has lost: it is not waited for where it does
// no harm that it comes to life again, and reported if it does.
func (e *Engine) lostChild(ctx context.Context, sc *scope, st *store.Step, known store.WorkflowRun, j judged) (result, error) {
	res := result{
		verdict: failedStep, evidence: stuckEvidence(known, j),
		reason: fmt.Sprintf("run %d has waited %s without a step, and GitHub does not cancel it", st.RunID, showDuration(j.Age)),
	}
	if sc.flow.Effect == config.Idempotent || sc.flow.Effect == config.Guarded {
		return res, e.bury(ctx, sc, known, "it can be neither cancelled nor force-cancelled", nil)
	}
	res.verdict, res.reason = inDoubt, res.reason+"; it can still take effect"
	return res, nil
}

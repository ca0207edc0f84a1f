package fallback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// waitError ends a transaction that cannot begin a step yet. why is for the
// timeline, if it is not "".
type waitError struct {
	until time.Time
	why   string
}

func (w waitError) Error() string { return "wait until " + w.until.Format(time.RFC3339) }

// proceed begins the next rung that applies. No intent is open here.
func (e *Engine) proceed(ctx context.Context, sc *scope) (next, error) {
	if n, stop, err := sc.subject().look(ctx, e, sc); err != nil || stop {
		return n, err
	}
	if err := e.classify(ctx, sc); err != nil {
		return next{}, err
	}
	if err := e.sample(ctx, sc); err != nil {
		return next{}, err
	}
	if State(sc.inc.State) == Failing && !sc.inc.Forced {
		if n, stop, err := e.admitted(ctx, sc); err != nil || stop {
			return n, err
		}
	}
	if sc.inc.StepIndex >= len(sc.flow.Recover) {
		return next{}, e.exhaust(ctx, sc)
	}
	if at := e.backedOff(sc.inc); !at.IsZero() {
		return next{at: at}, nil
	}
	s, err := sc.rung(sc.inc.StepIndex)
	if err != nil {
		return next{}, err
	}
	calm, err := e.calm(ctx, sc, s)
	if err != nil {
		return next{}, err
	}
	if p, ok := sc.subject().(preparer); ok && calm {
		if n, stop, err := p.prepare(ctx, e, sc, s); err != nil || stop {
			return n, err
		}
	}
	if skip := s.skip(e, sc); skip != "" {
		var evidence map[string]any
		if h, ok := s.(homeStep); ok {
			var found string
			found, evidence = h.preflight(ctx, sc)
			skip += found
		}
		return next{again: true}, e.skip(ctx, sc, s, skip, evidence)
	}
	if n, stop, err := e.gated(ctx, sc, s); err != nil || stop {
		return n, err
	}
	st, err := e.begin(ctx, sc, s)
	var wait waitError
	switch {
	case errors.As(err, &wait) && wait.why != "":
		return next{at: wait.until}, e.noteWait(ctx, sc.inc.ID, wait.why)
	case errors.As(err, &wait):
		return next{at: wait.until}, nil
	case err != nil || st == nil:
		return next{again: st == nil}, err
	}
	if err := e.at(pointIntent); err != nil {
		return next{}, err
	}
	res := s.act(ctx, e, sc, st)
	if err := e.at(pointEffect); err != nil {
		return next{}, err
	}
	return e.settle(ctx, sc, st, res)
}

// begin claims the occurrence and writes the intent, in one transaction. It
// returns nil without an error when the incident was moved elsewhere.
func (e *Engine) begin(ctx context.Context, sc *scope, s step) (*store.Step, error) {
	inc, now := sc.inc, e.now()
	st := &store.Step{
		IncidentID: inc.ID, RepoID: inc.RepoID, Round: inc.Round, StepIndex: inc.StepIndex, Kind: s.kind(), Target: s.target(),
		Try:   1 + sc.count(store.StepFailed, store.StepNotDone, store.StepNotSent, store.StepInDoubt),
		State: store.StepIntent, ClaimKey: inc.OccurrenceKey, BaseAttempt: inc.RunAttempt, IntentAt: now,
	}
	if err := e.holder(ctx, sc); err != nil {
		return nil, err
	}
	err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.unambiguous(ctx, tx, st); err != nil {
			return err
		}
		if held, err := e.crowdOut(ctx, tx, inc); err != nil || held {
			st = nil
			return err
		}
		if err := e.takePart(ctx, tx, sc, s); err != nil {
			return err
		}
		lease := store.MillisOf(e.Clock.Now().Add(e.StepDeadline + time.Hour))
		claim, ok, err := e.acquire(ctx, tx, inc, now, lease)
		if err != nil {
			return err
		}
		if !ok {
			st = nil
			return e.claimed(ctx, tx, inc, claim)
		}
		st.Epoch = claim.Epoch
		if err := tx.AddStep(ctx, st); err != nil {
			return err
		}
		inc.NotBefore = 0
		reason := fmt.Sprintf("step %d of %d: %s", st.StepIndex+1, len(sc.flow.Recover), describe(st.Kind, st.Target))
		return e.move(ctx, tx, inc, Recovering, reason, map[string]any{"step": st.StepIndex + 1, "try": st.Try, "epoch": st.Epoch})
	})
	if err != nil {
		return nil, err
	}
	if st != nil {
		sc.steps = append(sc.steps, *st)
	}
	return st, nil
}

// maxBlocking is how long an intent keeps others from being sent. Its run
// would be older than theirs by then, and no candidate; and an incident whose
// job is a dead letter must not stop those of a whole repository.
const maxBlocking = time.Hour

// unambiguous keeps two dispatches whose runs could be taken for each other's
// from being in the air at the same time, since lists of runs do not say which
// dispatch a run belongs to: two of one workflow, or any two repository_dispatch.
func (e *Engine) unambiguous(ctx context.Context, tx *store.Tx, st *store.Step) error {
	if st.Kind != kindDispatch && st.Kind != kindRepositoryDispatch {
		return nil
	}
	open, err := store.OpenSteps(ctx, tx, st.RepoID, st.Kind, e.now())
	if err != nil {
		return err
	}
	for _, o := range open {
		alike := st.Kind == kindRepositoryDispatch || o.Target == st.Target
		if o.State == store.StepIntent && alike && o.IncidentID != st.IncidentID && e.Clock.Since(o.IntentAt.Time()) < maxBlocking {
			return waitError{until: e.Clock.Now().Add(e.scaled(pollMin))} // wakeNext comes first
		}
	}
	return nil
}

// wakeNext wakes the incidents that unambiguous holds back, once an intent is settled.
func (e *Engine) wakeNext(ctx context.Context, tx *store.Tx, st *store.Step) error {
	if st.Kind != kindDispatch && st.Kind != kindRepositoryDispatch {
		return nil
	}
	list, err := store.Incidents(ctx, tx, store.IncidentFilter{RepoID: st.RepoID, States: []string{string(Failing), string(Recovering)}})
	if err != nil {
		return err
	}
	for _, inc := range list {
		if inc.ID == st.IncidentID {
			continue
		}
		if err := e.wake(ctx, tx, inc.ID); err != nil {
			return err
		}
	}
	return nil
}

// claimed is what happens when the occurrence is somebody else's.
func (e *Engine) claimed(ctx context.Context, tx *store.Tx, inc *store.Incident, c store.Claim) error {
	evidence := map[string]any{"owner": c.Owner, "epoch": c.Epoch}
	switch c.State {
	case store.ClaimDone:
		return e.move(ctx, tx, inc, Superseded, "the work is already done by "+c.Owner, evidence)
	case store.ClaimInDoubt:
		return e.claimDoubted(ctx, tx, inc, c)
	default:
		return waitError{until: c.LeaseUntil.Time().Add(time.Second), why: "waiting for the claim: " + refusalOf(c)}
	}
}

// skip passes over a rung that does not apply, and says why.
func (e *Engine) skip(ctx context.Context, sc *scope, s step, reason string, evidence map[string]any) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		st := &store.Step{
			IncidentID: sc.inc.ID, RepoID: sc.inc.RepoID, Round: sc.inc.Round, StepIndex: sc.inc.StepIndex, Try: 1,
			Kind: s.kind(), Target: s.target(), State: store.StepSkipped, BaseAttempt: sc.inc.RunAttempt,
			Reason: reason, Evidence: document(evidence), IntentAt: e.now(), DoneAt: e.now(),
		}
		if err := tx.AddStep(ctx, st); err != nil {
			return err
		}
		e.metrics.step(tx, st)
		sc.inc.StepIndex++
		return e.note(ctx, tx, sc.inc, fmt.Sprintf("step %d (%s) skipped: %s", st.StepIndex+1, describe(st.Kind, st.Target), reason), evidence)
	})
}

// exhaust gives up, honestly.
func (e *Engine) exhaust(ctx context.Context, sc *scope) error {
	acted := 0
	for i := range sc.steps {
		if st := &sc.steps[i]; st.Round == sc.inc.Round && st.State != store.StepSkipped && st.State != store.StepNotSent {
			acted++
		}
	}
	reason := fmt.Sprintf("no step is left: none of %d worked", len(sc.flow.Recover))
	switch {
	case len(sc.flow.Recover) == 0:
		reason = "no recovery steps are configured for this workflow"
	case acted == 0:
		reason = "no step is left: none applied"
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		// Only recoveries that were tried say something about the next one.
		if acted > 0 {
			if err := e.failBreaker(ctx, tx, sc.inc, sc.flow.Breaker); err != nil {
				return err
			}
		}
		return e.move(ctx, tx, sc.inc, Exhausted, reason, map[string]any{"run": sc.inc.RunID, "attempt": sc.inc.RunAttempt, "url": sc.inc.RunURL})
	})
}

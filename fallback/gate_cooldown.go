package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// coolDown is the least time after a recovery within which the same failure
// counts as one that the recovery did not cure.
const coolDown = 30 * time.Minute

// maxCoolDown bounds it: a step is given that long.
const maxCoolDown = 6 * time.Hour

// maxLoops recoveries in a row that did not last are enough: the next one
// would not either.
const maxLoops = 2

// repeating are the signals whose recovery can fail to last. A tick that was
// missed, a push that was, and a workflow that was switched off are new work
// each time: that the one before was made up for says nothing about this one.
var repeating = []string{string(Failed), string(Stalled)}

// cooldownGate holds what was recovered a moment ago and failed the same way
// again: it waits first, then passes over the steps that have "worked", and
// gives up when that has not lasted either.
func cooldownGate(ctx context.Context, e *Engine, sc *scope, s step) (*hold, error) {
	inc := sc.inc
	if !repeats(inc) || inc.Signature == "" {
		return nil, nil
	}
	since := inc.ConfirmedAt
	if since == 0 {
		since = inc.OpenedAt
	}
	prev, ok, err := store.RecoveredAlike(ctx, e.Store.Read(), inc, repeating, since)
	if err != nil || !ok {
		return nil, err
	}
	window, err := e.coolDown(ctx, &prev)
	if err != nil {
		return nil, err
	}
	until := prev.SettledAt.Time().Add(window)
	if !since.Time().Before(until) {
		return nil, nil
	}
	after := since.Time().Sub(prev.SettledAt.Time()).Round(time.Second)
	loops := prev.Loops + 1
	evidence := map[string]any{
		"incident": prev.ID, "recovered_at": prev.SettledAt.Time(), "after": after.String(), "cool_down": window.Round(time.Second).String(),
		"signature": inc.Signature, "loops": loops,
	}
	inc.Loops = loops // written with whatever comes next
	if loops >= maxLoops {
		reason := fmt.Sprintf("recover_loop: the same failure came back %s after incident %d was recovered, for the %s time in a row; recovering it does not last", after, prev.ID, ordinal(loops))
		return &hold{to: Exhausted, reason: reason, evidence: evidence}, nil
	}
	if wait := until.Sub(e.Clock.Now()); wait > 0 && wait <= window { // longer: by a clock that ran ahead
		reason := fmt.Sprintf("the same failure came back %s after incident %d was recovered; cooling down until %s", after, prev.ID, until.UTC().Format(timeFormat))
		return &hold{reason: reason, evidence: evidence, until: until}, nil
	}
	worked, err := e.worked(ctx, prev.ID, s)
	if err != nil || !worked {
		return nil, err
	}
	return &hold{skip: true, reason: fmt.Sprintf("it recovered incident %d, and the same failure came back %s later", prev.ID, after)}, nil
}

// repeats says whether the cool-down and flapping are about the incident.
func repeats(inc *store.Incident) bool {
	return inc.Signal == string(Failed) || inc.Signal == string(Stalled)
}

// coolDown is how long after a recovery the same failure is held back: half an
// hour, or twice as long as its last round was at work, up to six hours. How
// long the incident was held back before that says nothing about the failure.
func (e *Engine) coolDown(ctx context.Context, prev *store.Incident) (time.Duration, error) {
	steps, err := e.Store.Steps(ctx, prev.ID)
	if err != nil {
		return 0, err
	}
	began := prev.SettledAt
	for i := range steps {
		if st := &steps[i]; st.Round == prev.Round && st.Epoch != 0 {
			began = min(began, st.IntentAt)
		}
	}
	took := prev.SettledAt.Time().Sub(began.Time())
	return max(e.scaled(coolDown), min(2*took, e.scaled(maxCoolDown))), nil
}

// worked says whether the step has recovered an incident.
func (e *Engine) worked(ctx context.Context, id int64, s step) (bool, error) {
	steps, err := e.Store.Steps(ctx, id)
	if err != nil {
		return false, err
	}
	for i := range steps {
		if st := &steps[i]; st.State == store.StepSucceeded && st.Kind == s.kind() && st.Target == s.target() {
			return true, nil
		}
	}
	return false, nil
}

func ordinal(n int) string {
	switch n {
	case 2:
		return "second"
	case 3:
		return "third"
	}
	return fmt.Sprintf("%dth", n)
}

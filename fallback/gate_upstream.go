package fallback

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/store"
)

// gateUpstream is the name of upstreamGate, as kept with incidents.
const gateUpstream = "upstream"

// upstreamGate holds what depends on something that is down, so that no step
// adds to its load; a later rung that needs something else takes its place at
// once. When it is up again, one recovery tries; then the others have their turn.
func upstreamGate(ctx context.Context, e *Engine, sc *scope, s step) (*hold, error) {
	for _, name := range dependsOn(sc, s) {
		d, err := upstream.Read(ctx, e.Store.Read(), name)
		if err != nil {
			return nil, err
		}
		if !e.upstream.Admits(d, sc.inc.ID) {
			return e.heldBack(ctx, sc, d)
		}
	}
	return e.drained(ctx, sc)
}

// calm says that nothing speaks against preparing a rung, such as by
// cancelling the run whose place it takes: that is for nothing while the rung
// itself would wait.
func (e *Engine) calm(ctx context.Context, sc *scope, s step) (bool, error) {
	if sc.inc.Forced {
		return true, nil
	}
	h, err := upstreamGate(ctx, e, sc, s)
	return h == nil, err
}

// heldBack passes over to another host, or waits.
func (e *Engine) heldBack(ctx context.Context, sc *scope, d upstream.Dependency) (*hold, error) {
	for i := sc.inc.StepIndex + 1; i < len(sc.flow.Recover); i++ {
		other, err := sc.rung(i)
		if err != nil {
			return nil, err
		}
		if ok, err := e.instead(ctx, sc, other, d.Name); err != nil {
			return nil, err
		} else if ok {
			return &hold{skip: true, reason: fmt.Sprintf("%s is not working; going on with %s", upstream.Name(d.Name), describe(other.kind(), other.target()))}, nil
		}
	}
	h := &hold{
		reason:   fmt.Sprintf("%s is not working; nothing is started there until it does", upstream.Name(d.Name)),
		evidence: map[string]any{"dependency": d.Name, "breaker": string(d.Stored.State), "until": d.Stored.Until.UTC()},
	}
	if d.UpstreamID == 0 {
		h.until = d.Stored.Until // nobody looks after a host but those who wait for it
		if now := e.Clock.Now(); !h.until.After(now) {
			h.until = now.Add(e.scaled(pollMin))
		}
	} else {
		h.evidence["upstream"] = d.UpstreamID
	}
	h.write = func(ctx context.Context, tx *store.Tx) error {
		now, err := upstream.Read(ctx, tx, d.Name)
		if err != nil {
			return err
		}
		if e.upstream.Admits(now, sc.inc.ID) {
			// It has ended since it was read, and nobody would wake this one.
			return store.ErrConflict
		}
		if now.UpstreamID == 0 {
			return nil
		}
		sc.inc.UpstreamID = now.UpstreamID
		return tx.Join(ctx, now.UpstreamID, sc.inc.ID)
	}
	return h, nil
}

// instead says whether a later rung does without a dependency and can be taken.
func (e *Engine) instead(ctx context.Context, sc *scope, s step, without string) (bool, error) {
	if s.skip(e, sc) != "" {
		return false, nil
	}
	for _, name := range dependsOn(sc, s) {
		if name == without || !strings.HasPrefix(name, upstream.AgentPrefix) {
			return false, nil
		}
		d, err := upstream.Read(ctx, e.Store.Read(), name)
		if err != nil || !e.upstream.Admits(d, sc.inc.ID) {
			return false, err
		}
	}
	return true, nil
}

// drained holds what waited for an upstream incident until its turn.
func (e *Engine) drained(ctx context.Context, sc *scope) (*hold, error) {
	inc := sc.inc
	if inc.UpstreamID == 0 || inc.HeldBy != gateUpstream || State(inc.State) != Suppressed {
		return nil, nil
	}
	up, ok, err := store.ReadIncident(ctx, e.Store.Read(), inc.UpstreamID)
	if err != nil || !ok {
		return nil, err
	}
	d, err := upstream.Read(ctx, e.Store.Read(), up.WorkflowPath)
	if err != nil {
		return nil, err
	}
	b := e.upstream.Now(d)
	switch turn := inc.NotBefore.Time(); {
	case b.State != storm.Closed: // this one is let through
		return nil, nil
	case !State(up.State).Settled() && turn.Before(b.Since.Truncate(time.Millisecond)):
		return &hold{reason: "its turn has not been given yet"}, nil
	case turn.After(e.Clock.Now()):
		return &hold{reason: "its turn has not come yet", until: turn}, nil
	}
	return nil, nil
}

// takePart is asked in the transaction that begins a step: it makes the
// incident the one probe of a dependency that is half open, and counts the
// budgets again, so that two that begin at the same moment see each other.
func (e *Engine) takePart(ctx context.Context, tx *store.Tx, sc *scope, s step) error {
	if sc.inc.Forced {
		return nil
	}
	now := e.Clock.Now()
	for _, name := range dependsOn(sc, s) {
		ok, err := e.upstream.Take(ctx, tx, name, sc.inc.ID)
		if err != nil {
			return err
		}
		if !ok {
			return waitError{until: now} // the gate says why
		}
	}
	h, err := e.budget(ctx, tx, sc, s)
	if err == nil && h != nil {
		return waitError{until: now}
	}
	return err
}

// heldNow is the gate that holds an incident, "" when it is not held.
func heldNow(inc *store.Incident) string {
	if State(inc.State) != Suppressed {
		return ""
	}
	return inc.HeldBy
}

package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// drainGap is the pause between two recoveries of one repository that
	// waited for an upstream incident.
	drainGap = 20 * time.Second
	// drainBatch bounds a transaction of the drain.
	drainBatch = 200
	// maxCandidates is how many of those that wait are asked to be the probe at
	// a time: some have become pointless meanwhile.
	maxCandidates = 3
)

// weather looks after an upstream incident: it lets probes go while the
// dependency is half open, and gives those who wait their turns at the end.
func (e *Engine) weather(ctx context.Context, sc *scope) (next, error) {
	if sc.inc.WorkflowPath == upstream.Webhooks {
		if err := e.Store.Update(ctx, e.upstream.Listen); err != nil {
			return next{}, err
		}
	}
	d, err := upstream.Read(ctx, e.Store.Read(), sc.inc.WorkflowPath)
	if err != nil {
		return next{}, err
	}
	now := e.Clock.Now()
	b := e.upstream.Now(d)
	switch b.State {
	case storm.Closed:
		return e.drain(ctx, sc, b)
	case storm.HalfOpen:
		return e.probing(ctx, sc, d, b)
	}
	at, err := e.corroborate(ctx, sc, d)
	if err != nil {
		return next{}, err
	}
	if d.Name == upstream.Webhooks { // a delivery ends it at any time
		at = earlier(at, now.Add(e.scaled(upstream.SilentAfter/3)))
	}
	return next{at: earlier(at, b.Until)}, nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// probing lets the newest of those who wait try, until one does.
func (e *Engine) probing(ctx context.Context, sc *scope, d upstream.Dependency, b storm.Breaker) (next, error) {
	if d.Stored.State == storm.Open { // the pause is over; nobody has noticed yet
		return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			now, err := upstream.Read(ctx, tx, d.Name)
			if err != nil {
				return err
			}
			is := e.upstream.Now(now)
			if err := e.upstream.Turn(ctx, tx, now, is, "the pause is over", nil); err != nil || is.State != storm.HalfOpen {
				return err
			}
			sc.inc.NotBefore = 0
			sc.inc.Reason = fmt.Sprintf("%s may be working again; one recovery at a time tries", upstream.Name(d.Name))
			return e.note(ctx, tx, sc.inc, sc.inc.Reason, nil)
		})
	}
	now := e.Clock.Now()
	if b.Probe != 0 {
		return next{at: b.Until}, nil
	}
	waiting, err := store.HeldIncidents(ctx, e.Store.Read(), sc.inc.ID, string(Suppressed))
	if err != nil {
		return next{}, err
	}
	waiting = slices.DeleteFunc(waiting, func(inc store.Incident) bool { return inc.HeldBy != gateUpstream })
	// One whose repository has failed at it is asked when there is no other.
	others := slices.DeleteFunc(slices.Clone(waiting), func(inc store.Incident) bool {
		return slices.Contains(b.Doubts, strconv.FormatInt(inc.RepoID, 10))
	})
	certain := len(others) == 0 && len(b.Doubts) > 0 && len(waiting) > 0 // then its answer has to do
	if len(others) > 0 {
		waiting = others
	}
	// Each look asks others, or one that another gate holds would be asked for ever.
	pause := e.scaled(pollMin)
	look := int(now.Sub(b.Since) / pause)
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if is, err := upstream.Read(ctx, tx, d.Name); err != nil {
			return err
		} else if len(waiting) == 0 {
			return e.upstream.Forget(ctx, tx, d.Name)
		} else if certain && is.Breaker == d.Breaker {
			b.Doubts = nil
			if err := e.upstream.Turn(ctx, tx, is, b, "there is no other probe", nil); err != nil {
				return err
			}
		}
		for i := range min(maxCandidates, len(waiting)) {
			inc := waiting[(look*maxCandidates+i)%len(waiting)]
			if err := e.wake(ctx, tx, inc.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if len(waiting) == 0 {
		pause = e.scaled(pollMax)
	}
	return next{at: now.Add(pause)}, err
}

// drain gives those who waited their turns, and ends the incident.
func (e *Engine) drain(ctx context.Context, sc *scope, b storm.Breaker) (next, error) {
	list, err := store.HeldIncidents(ctx, e.Store.Read(), sc.inc.ID, string(Suppressed), string(Exhausted))
	if err != nil {
		return next{}, err
	}
	now, gap := e.Clock.Now(), e.scaled(drainGap)
	given := map[int64]int{}
	by := map[int64]store.Incident{}
	var held []storm.Held
	for _, inc := range list {
		turn := inc.NotBefore.Time()
		switch {
		case State(inc.State) == Suppressed && inc.HeldBy != gateUpstream, State(inc.State) == Exhausted && inc.HeldBy != "" && inc.HeldBy != gateUpstream:
			continue
		case State(inc.State) == Suppressed && !turn.Before(b.Since.Truncate(time.Millisecond)): // before this process was started
			if ahead := int(turn.Sub(now)/gap) + 2; turn.After(now) {
				given[inc.RepoID] = max(given[inc.RepoID], ahead)
			}
			continue
		}
		line, err := lineOf(&inc)
		if err != nil {
			return next{}, err
		}
		by[inc.ID] = inc
		held = append(held, storm.Held{ID: inc.ID, Repo: inc.RepoID, Line: line, At: max(inc.TickAt, inc.RunCreatedAt).Time()})
	}
	turns := storm.Drain(held, gap, given)
	for batch := range slices.Chunk(turns, drainBatch) {
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, turn := range batch {
				inc := by[turn.ID]
				if err := e.giveTurn(ctx, tx, sc.inc, &inc, turn, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return next{}, err
		}
	}
	if len(turns) > 0 {
		return next{again: true}, nil // somebody may have come to wait meanwhile
	}
	return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		d, err := upstream.Read(ctx, tx, sc.inc.WorkflowPath)
		if err != nil {
			return err
		}
		if e.upstream.Now(d).State != storm.Closed {
			return store.ErrConflict
		}
		n, err := store.JoinedIncidents(ctx, tx, sc.inc.ID)
		if err != nil {
			return err
		}
		sc.inc.NotBefore = 0
		reason := fmt.Sprintf("%s works again after %s", upstream.Name(d.Name), b.Since.Sub(sc.inc.BeganAt.Time()).Round(time.Second))
		if b.Unproven {
			reason = fmt.Sprintf("nobody waits for %s any more, and nothing has failed there for long", upstream.Name(d.Name))
		}
		return e.move(ctx, tx, sc.inc, Healthy, reason, map[string]any{"incidents": n, "until": b.Since.UTC()})
	})
}

// lineOf names what an incident stands in line with: of several runs or ticks
// of one schedule only the newest is wanted, unless all are to be made up for.
func lineOf(inc *store.Incident) (string, error) {
	var flow config.Workflow
	if err := json.Unmarshal([]byte(inc.Ladder), &flow); err != nil {
		return "", fmt.Errorf("read ladder of incident %d: %w", inc.ID, err)
	}
	if inc.Event != schedule.Event || clock.CatchupOf(flow) == config.CatchupAll {
		return "", nil
	}
	return inc.WorkflowPath + " " + inc.TickCron, nil
}

// giveTurn says when an incident goes on, or that a newer one does instead.
// One that was given up while nothing could begin gets another round.
func (e *Engine) giveTurn(ctx context.Context, tx *store.Tx, up, inc *store.Incident, turn storm.Turn, now time.Time) error {
	works := upstream.Name(up.WorkflowPath) + " works again"
	again := false
	if State(inc.State) == Exhausted {
		steps, err := store.StepsOf(ctx, tx, inc.ID)
		if err != nil {
			return err
		}
		if again, err = couldNotBegin(inc, steps, e.troubleSince(up)); err != nil {
			return err
		}
		again = again && turn.Behind == 0 && inc.Depth < MaxDepth
		if !again { // it stays given up, as it would have been without the outage
			return tx.Join(ctx, 0, inc.ID)
		}
	}
	evidence := map[string]any{"upstream": up.ID}
	if turn.Behind != 0 {
		evidence["incident"] = turn.Behind
		if Signal(inc.Signal) == Missed {
			return e.dropTick(ctx, tx, inc, evidence)
		}
		inc.HeldBy, inc.NotBefore = "", 0
		return e.move(ctx, tx, inc, Superseded, "a newer run of the schedule took its place", evidence)
	}
	at := now.Add(turn.After)
	inc.HeldBy, inc.NotBefore = gateUpstream, store.MillisOf(at)
	evidence["turn"] = at.UTC()
	reason := fmt.Sprintf("%s; its turn comes at %s", works, at.UTC().Format(timeFormat))
	if again {
		inc.Round, inc.StepIndex, inc.Forced = inc.Round+1, 0, false // nobody has asked for this one
		if err := e.move(ctx, tx, inc, Failing, works+"; its steps are tried again", evidence); err != nil {
			return err
		}
		if err := e.move(ctx, tx, inc, Suppressed, reason, evidence); err != nil {
			return err
		}
	} else if err := e.note(ctx, tx, inc, reason, evidence); err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, tx, advanceItem(inc.ID, at))
}

// troubleSince is since when what went wrong counts to an upstream incident:
// from what made its breaker open on.
func (e *Engine) troubleSince(up *store.Incident) store.Millis {
	return up.BeganAt - (e.now() - e.upstream.Lately())
}

// couldNotBegin says that an incident was given up because of trouble since a
// moment: it is proven that no step of it has done anything, since none of the
// runs and attempts that were started has begun, and one of them was tried
// since then. What was given up for another reason has that reason still, such
// as that nothing is to be done about it.
func couldNotBegin(inc *store.Incident, steps []store.Step, since store.Millis) (bool, error) {
	var flow config.Workflow
	if err := json.Unmarshal([]byte(inc.Ladder), &flow); err != nil {
		return false, fmt.Errorf("read ladder of incident %d: %w", inc.ID, err)
	}
	if Signal(inc.Signal) == Missed && clock.CatchupOf(flow) == config.CatchupNone {
		return false, nil
	}
	tried := false
	for i := range steps {
		st := &steps[i]
		switch {
		case st.Epoch == 0: // skipped
			continue
		case st.State == store.StepNotSent || st.State == store.StepNotDone:
		case evidenceOf(st.Evidence)["conclusion"] != startupFailure:
			return false, nil
		}
		tried = tried || max(st.IntentAt, st.DoneAt) >= since
	}
	return tried, nil
}

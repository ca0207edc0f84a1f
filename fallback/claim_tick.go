package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// occurrenceOf is the key of the work that a run does, as long as no step has
// started it. A run without a tick of its own does the work of a tick
// that is being made up for, if there is one: both must not do it.
func (e *Engine) occurrenceOf(ctx context.Context, at store.Repository, repo queue.Repo, r store.WorkflowRun) (string, error) {
	if r.Event == pushEvent {
		return e.occurrenceOfPush(ctx, repo, r)
	}
	db := e.Store.Read()
	own, err := occurrenceOnRecord(ctx, db, repo, r)
	if err != nil {
		return "", err
	}
	onDefault := at.DefaultBranch == "" || at.OfDefault(r.HeadBranch, r.CreatedAt)
	if r.TickAt != 0 || !onDefault || r.Event != schedule.Event && !byHand(r.Event) {
		return own, nil
	}
	inc, open, err := store.OpenTick(ctx, db, repo.ID, r.WorkflowPath, r.CreatedAt, unsettled)
	if err != nil || open {
		return inc.OccurrenceKey, err
	}
	// What it was told once holds when the incident is over, too.
	if key, err := store.KeyAskedFor(ctx, db, repo.ID, r.RunID); err != nil || key != "" {
		return key, err
	}
	if r.Event != schedule.Event {
		return own, nil
	}
	twin, ok, err := store.TickRunNear(ctx, db, repo.ID, r.WorkflowPath, r.CreatedAt, store.Millis(clock.TwinWithin.Milliseconds()))
	if err != nil || !ok {
		return own, err
	}
	return occurrenceOnRecord(ctx, db, repo, twin)
}

// byHand says whether an event is somebody's wish that the workflow does its
// work. Neither a push nor another system's event is: their work is their own,
// and must not be skipped for that of a tick.
func byHand(event string) bool { return event == "workflow_dispatch" }

// awaitOthers keeps the next step of a tick back while a run of the workflow
// that came after the tick is under way and no step of ours has started it: it
// may be doing the tick's work. One that has not ended within the time that a
// step is given is not waited for any longer.
func (e *Engine) awaitOthers(ctx context.Context, sc *scope, list []store.WorkflowRun) (n next, stop bool, err error) {
	if s := State(sc.inc.State); s != Failing && s != Recovering {
		return next{}, false, nil
	}
	for _, r := range list {
		given := max(r.StartedAt, r.CreatedAt).Time().Add(e.StepDeadline)
		if r.Completed() || r.TickAt != 0 || r.CreatedAt < sc.inc.TickAt || !e.Clock.Now().Before(given) {
			continue
		}
		told, err := e.toldToSkip(ctx, r)
		if err != nil {
			return next{}, false, err
		}
		ours, err := e.Store.Adopted(ctx, sc.repo.ID, []int64{r.RunID})
		if err != nil {
			return next{}, false, err
		}
		if told || ours[r.RunID] {
			continue
		}
		reason := fmt.Sprintf("run %d, started by %s, is under way; waiting for its end before anything is done, until %s at the latest", r.RunID, who(r.Actor), given.UTC().Format(timeFormat))
		return next{at: minTime(e.poll(r.CreatedAt), given)}, true, e.noteOnce(ctx, sc.inc, reason, runEvidence(r))
	}
	return next{}, false, nil
}

// noteOnce is note for a reason that each look finds again.
func (e *Engine) noteOnce(ctx context.Context, inc *store.Incident, reason string, evidence map[string]any) error {
	if inc.Reason == reason {
		return nil
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		inc.Reason = reason
		return e.note(ctx, tx, inc, reason, evidence)
	})
}

// freshlyDispatched is the try under a claim that a run can be the answer to:
// a run can ask before GitHub has answered our own request for it, and must
// not be told that somebody else does its work.
func (e *Engine) freshlyDispatched(ctx context.Context, tx *store.Tx, s claimSubject, c store.Claim) (store.Step, bool, error) {
	st, open, err := store.DispatchUnderWay(ctx, tx, c.Key)
	if err != nil || !open || st.Epoch != c.Epoch || s.run.Event != eventOf(st.Kind) {
		return st, false, err
	}
	login := e.BotLogin()
	return st, s.run.CreatedAt.Time().After(st.IntentAt.Time().Add(-clockSkew)) && (login == "" || s.run.Actor == login), nil
}

// triedForTick takes the trouble of a run that somebody has started by hand to
// the incident of the tick that it was started for: two incidents would do the
// tick's work twice. done is false when there is none, or nothing more is done
// about it.
func (e *Engine) triedForTick(ctx context.Context, tx *store.Tx, r store.WorkflowRun) (done bool, err error) {
	if r.TickAt != 0 || !byHand(r.Event) {
		return false, nil
	}
	states := stateNames([]State{Suspected, Failing, Recovering, Verifying, Suppressed, InDoubt})
	inc, open, err := store.OpenTick(ctx, tx, r.RepoID, r.WorkflowPath, r.CreatedAt, states)
	if err != nil || !open || inc.Signal != string(Missed) {
		return false, err
	}
	if r.Completed() {
		reason := fmt.Sprintf("run %d, started by %s for the same work, concluded %s", r.RunID, who(r.Actor), r.Conclusion)
		if err := e.note(ctx, tx, &inc, reason, runEvidence(r)); err != nil {
			return true, err
		}
	}
	return true, e.wake(ctx, tx, inc.ID)
}

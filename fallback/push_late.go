package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// causeOfAbsence: a run that does not exist has done nothing wrong.
const causeOfAbsence = config.Infrastructure

// pushSkew is how much older than the push a run may be that answers it: the
// moment of a push is that of the repository's newest one when GitHub tells.
const pushSkew = 10 * time.Minute

// answersFrom is when a run must have been created that answers a push: one of
// an earlier push of the same commit is not its answer. While the moment of the
// push is unknown, any is.
func answersFrom(pushed store.Millis) store.Millis {
	if pushed == 0 {
		return 0
	}
	return store.MillisOf(pushed.Time().Add(-pushSkew))
}

// cameForPush tells the incident of a push that its run has come, and returns
// it: what the run comes to is that incident's business. 0 when the push has
// none, or one that is over without anything having been done.
func (e *Engine) cameForPush(ctx context.Context, tx *store.Tx, repo queue.Repo, run store.WorkflowRun) (int64, error) {
	if run.Event != pushEvent {
		return 0, nil
	}
	key, err := pushOnRecord(ctx, tx, repo, run.WorkflowPath, run.HeadSHA)
	if err != nil {
		return 0, err
	}
	inc, ok, err := store.IncidentOfKey(ctx, tx, key)
	if err != nil || !ok || inc.RunID != 0 || run.CreatedAt < answersFrom(inc.PushedAt) {
		return 0, err
	}
	late := "its run came, late by " + showDuration(run.CreatedAt.Time().Sub(inc.BeganAt.Time()))
	switch State(inc.State) {
	case Superseded:
		return 0, nil
	case Verifying, Recovered:
		// Its work is done, or being done, in its place.
		inc.RunID, inc.RunURL, inc.RunCreatedAt = run.RunID, run.URL, run.CreatedAt
		why := "its work was taken over by a recovery"
		if err := tx.Bury(ctx, run.RepoID, run.RunID, run.Attempt, why); err != nil {
			return 0, err
		}
		if err := e.note(ctx, tx, &inc, late+"; "+why, runEvidence(run)); err != nil {
			return 0, err
		}
		run.Tombstone = why
		return inc.ID, e.risen(ctx, tx, run, []int64{inc.ID})
	case Healthy:
		if inc.ConfirmedAt != 0 { // it was about more than a suspicion, and that is over
			return 0, nil
		}
		inc.RunID, inc.RunAttempt, inc.RunURL, inc.RunCreatedAt = run.RunID, run.Attempt, run.URL, run.CreatedAt
		return inc.ID, e.note(ctx, tx, &inc, late, runEvidence(run))
	}
	return inc.ID, e.wake(ctx, tx, inc.ID) // it looks itself
}

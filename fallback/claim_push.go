package fallback

import (
	"context"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// occurrenceOfPush is the key of the work that a run of a push does: that of the
// push, when the run was missed and an incident takes care of its work, and its
// own otherwise. It has to agree with cameForPush about whose the run is.
func (e *Engine) occurrenceOfPush(ctx context.Context, repo queue.Repo, r store.WorkflowRun) (string, error) {
	db := e.Store.Read()
	own, err := occurrenceOnRecord(ctx, db, repo, r)
	if err != nil {
		return "", err
	}
	key, err := pushOnRecord(ctx, db, repo, r.WorkflowPath, r.HeadSHA)
	if err != nil {
		return "", err
	}
	inc, ok, err := store.IncidentOfKey(ctx, db, key)
	if err != nil || !ok || inc.HeadBranch != r.HeadBranch || r.CreatedAt < answersFrom(inc.PushedAt) {
		return own, err
	}
	switch s := State(inc.State); {
	case inc.RunID != 0 && inc.RunID != r.RunID:
		return own, nil
	case inc.RunID == r.RunID, !s.Settled(), s == Healthy && inc.ConfirmedAt == 0:
		return inc.OccurrenceKey, nil
	}
	// It is over without this run, which has nothing to do with it unless
	// somebody has done the work, or may have.
	c, known, err := store.ReadClaim(ctx, db, inc.OccurrenceKey)
	if err != nil || !known || c.State == store.ClaimFree {
		return own, err
	}
	return inc.OccurrenceKey, nil
}

// itsPrimary says whether a run is the one that an incident makes up for.
func itsPrimary(inc *store.Incident, r *store.WorkflowRun) bool {
	switch {
	case r.RunID == inc.RunID:
		return true
	case Signal(inc.Signal) == Absent: // its claim is asked for before its webhook is handled
		return inc.RunID == 0 && r.Event == pushEvent && r.CreatedAt >= answersFrom(inc.PushedAt)
	}
	return r.TickAt != 0 && r.TickAt == inc.TickAt
}

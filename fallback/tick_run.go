package fallback

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// freshRuns lists the runs of an incident's workflow on the default branch
// since its tick, from GitHub, records them and gives those of the schedule
// their ticks. It proves that the repository is where sc.repo says: an empty
// list could be that of another one under the same name.
func (e *Engine) freshRuns(ctx context.Context, sc *scope) ([]store.WorkflowRun, error) {
	var err error
	if sc.repo, err = e.locate(ctx, sc.client, sc.repo); err != nil {
		return nil, err
	}
	branch, err := e.defaultBranch(ctx, sc.client, sc.repo)
	if err != nil {
		return nil, err
	}
	since := sc.inc.TickAt.Time().Add(-schedule.Early)
	list, asked, err := runs.ListSince(ctx, sc.client, sc.repo, sc.inc.WorkflowPath, "", since)
	if err != nil {
		return nil, err
	}
	sc.asked = asked
	list = slices.DeleteFunc(list, func(r *runs.Run) bool {
		return r.GetCreatedAt().Before(since) || r.WorkflowPath() != sc.inc.WorkflowPath ||
			r.GetEvent() != schedule.Event && r.GetHeadBranch() != branch || // a schedule runs on no other; it may have been renamed since
			!r.Own(sc.repo.ID)
	})
	slices.Reverse(list) // oldest first, as they came
	seen := make([]store.WorkflowRun, 0, len(list))
	return seen, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		seen = seen[:0]
		for _, r := range list {
			known, err := e.save(ctx, tx, sc.repo, r)
			if err == nil && known.Event == schedule.Event && known.TickAt == 0 {
				// Not [clock.Clock.Match], which would wake this incident without end.
				known, err = e.assignOther(ctx, tx, sc, known)
			}
			if err != nil {
				return err
			}
			seen = append(seen, known)
		}
		return nil
	})
}

// assignOther gives a run its tick, and wakes the incident of another tick
// that it turns out to answer.
func (e *Engine) assignOther(ctx context.Context, tx *store.Tx, sc *scope, r store.WorkflowRun) (store.WorkflowRun, error) {
	r, err := e.clock.Assign(ctx, tx, r)
	if err != nil || r.TickAt == sc.inc.TickAt && r.TickCron == sc.inc.TickCron {
		return r, err
	}
	return r, e.wakeTick(ctx, tx, sc.repo, r)
}

// tickRun is the run that answers an incident's tick, among those that are known.
func (e *Engine) tickRun(ctx context.Context, sc *scope) (store.WorkflowRun, bool, error) {
	db := e.Store.Read()
	first, ok, err := store.TickRun(ctx, db, sc.inc.RepoID, sc.inc.WorkflowPath, sc.inc.TickAt, sc.inc.TickCron)
	if err != nil || !ok {
		return first, false, err
	}
	return store.LatestAttempt(ctx, db, sc.inc.RepoID, first.RunID)
}

// doneByHand is a run by which somebody has made up for a tick: successful,
// after it, and neither ours nor the answer to some other system's event, which
// asks for something of its own.
func (e *Engine) doneByHand(ctx context.Context, sc *scope, list []store.WorkflowRun) (store.WorkflowRun, bool, error) {
	for _, r := range list {
		theirs := r.Event == "workflow_dispatch" || r.Event == pushEvent || r.Event == schedule.Event && r.TickAt == 0
		if bot := e.BotLogin(); bot != "" && strings.EqualFold(r.Actor, bot) {
			theirs = theirs && r.Event == schedule.Event // its actor is who last changed the cron
		}
		if !theirs || r.Conclusion != "success" || r.CreatedAt < sc.inc.TickAt {
			continue
		}
		told, err := e.toldToSkip(ctx, r)
		if err != nil {
			return r, false, err
		}
		ours, err := e.Store.Adopted(ctx, sc.repo.ID, []int64{r.RunID})
		if err != nil || !ours[r.RunID] && !told {
			return r, err == nil, err
		}
	}
	return store.WorkflowRun{}, false, nil
}

// attach gives an incident of a tick the run that came for it after all. From
// then on it is as with any run: one that is under way is waited for.
func (e *Engine) attach(ctx context.Context, tx *store.Tx, inc *store.Incident, r store.WorkflowRun) error {
	fill(inc, r)
	if err := e.saveTick(ctx, tx, inc, store.TickLate); err != nil {
		return err
	}
	return e.note(ctx, tx, inc, "its run came, "+lateness(inc, r), runEvidence(r))
}

// fill takes over what is known of a run. A failed one makes the incident that
// of a failed run.
func fill(inc *store.Incident, r store.WorkflowRun) {
	inc.RunID, inc.RunAttempt, inc.RunURL, inc.RunCreatedAt = r.RunID, r.Attempt, r.URL, r.CreatedAt
	inc.Event, inc.HeadBranch, inc.Conclusion, inc.Following, inc.MissingSince = r.Event, r.HeadBranch, "", 0, 0
	if inc.CheckRunID == 0 { // a Check Run stays on its commit
		inc.HeadSHA = r.HeadSHA
	}
	inc.Cause, inc.FailedJob, inc.FailedStep = "", "", ""
	if r.Completed() && runs.Failed(r.Conclusion) {
		inc.Conclusion, inc.Signal = r.Conclusion, string(Failed)
	}
}

func runEvidence(r store.WorkflowRun) map[string]any {
	return map[string]any{"run": r.RunID, "attempt": r.Attempt, "status": r.Status, "conclusion": r.Conclusion, "url": r.URL, "created_at": r.CreatedAt.Time()}
}

// lateness says how late a run is, for people.
func lateness(inc *store.Incident, r store.WorkflowRun) string {
	return fmt.Sprintf("late by %s", showDuration(r.CreatedAt.Time().Sub(inc.TickAt.Time())))
}

// showDuration is a duration for people: "43m", "10h50m", "20s".
func showDuration(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	d = d.Round(time.Minute)
	h, m := int(d.Hours()), int(d.Minutes())%60
	switch {
	case h == 0:
		return fmt.Sprintf("%dm", m)
	case m == 0:
		return fmt.Sprintf("%dh", h)
	}
	return fmt.Sprintf("%dh%dm", h, m)
}

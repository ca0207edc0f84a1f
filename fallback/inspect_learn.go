package fallback

import (
	"context"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/stall"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// stallSteps is of how many good runs the steps are read, a request each, and
// only when a run seems to hang.
const stallSteps = 5

// stallLimits are those of a workflow by its configuration and its past. steps
// adds the lengths of its steps, which cost requests.
func (e *Engine) stallLimits(ctx context.Context, client *github.Client, repo queue.Repo, path string, c config.Stall, steps bool) (stall.Limits, error) {
	past, err := clock.LookBack(e.Clock.Now(), func(since store.Millis, most int) ([]store.AttemptTimes, error) {
		return store.AttemptsOf(ctx, e.Store.Read(), repo.ID, path, since, most)
	})
	if err != nil {
		return stall.Limits{}, err
	}
	var h stall.History
	var good []store.AttemptTimes
	for _, a := range past {
		if a.StartedAt != 0 && a.BeganAt >= a.StartedAt {
			h.Queued = append(h.Queued, a.BeganAt.Time().Sub(a.StartedAt.Time()))
		}
		from := max(a.StartedAt, a.BeganAt)
		if a.Conclusion == "success" && from != 0 && a.EndedAt >= from {
			h.Durations = append(h.Durations, a.EndedAt.Time().Sub(from.Time()))
			good = append(good, a)
		}
	}
	if steps && c.Running == 0 {
		h.Steps = e.stepLengths(ctx, client, repo, good[:min(len(good), stallSteps)])
	}
	return stall.Learn(c, h).Scaled(e.Scale), nil
}

// stepLengths reads the steps of runs. What cannot be read is not known.
func (e *Engine) stepLengths(ctx context.Context, client *github.Client, repo queue.Repo, good []store.AttemptTimes) []time.Duration {
	var all []time.Duration
	for _, a := range good {
		list, err := jobsOf(ctx, client, repo, a.RunID, a.Attempt)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Int64("run", a.RunID).Msg("steps of an earlier run cannot be read")
			break
		}
		all = append(all, stall.Lengths(list)...)
	}
	return all
}

// judged is an attempt that has not ended, as GitHub shows it now.
type judged struct {
	stall.Sight
	stall.Verdict
	front *runs.Run // that it may wait for; nil: none, or nobody has asked
}

// judge reads the jobs of an attempt that has not ended and says where it stands.
func (e *Engine) judge(ctx context.Context, client *github.Client, repo queue.Repo, run store.WorkflowRun, c config.Stall) (judged, error) {
	list, shown, err := jobsAt(ctx, client, repo, run.RunID, run.Attempt)
	// Behind as many jobs as are read there can be one that is at work.
	hidden := jobsNotShown(err) || err == nil && (len(list) == 0 && hasBegun(run) || len(list) >= maxJobPages*100)
	if err != nil && !hidden {
		return judged{}, err
	}
	// GitHub's times are compared with GitHub's clock: ours may be ahead, and a
	// run would be cancelled that has waited for two minutes. Its header has whole
	// seconds.
	now, ahead := e.Clock.Now(), time.Duration(0)
	if !shown.IsZero() {
		ahead = max(now.Sub(shown.Add(time.Second)), 0)
	}
	j := judged{Sight: stall.See(run.Status, ready(run), asked(run), list)}
	if j.Unseen, err = e.noteUnseen(ctx, run, hidden, now.Add(-ahead)); err != nil {
		return judged{}, err
	}
	for _, steps := range []bool{false, true} {
		limits, err := e.stallLimits(ctx, client, repo, run.WorkflowPath, c, steps)
		if err != nil {
			return judged{}, err
		}
		if j.Doubtful(limits, now.Add(-ahead)) && !j.Alone && !j.Front {
			if j.front, err = e.inFront(ctx, client, repo, run); err != nil {
				return judged{}, err
			}
			j.Front, j.Alone = j.front != nil, j.front == nil
		}
		j.Verdict = stall.Judge(j.Sight, limits, now.Add(-ahead))
		if !j.Running || j.Level == stall.Fine || j.Level == stall.Waiting {
			break
		}
	}
	if !j.Next.IsZero() {
		j.Next = j.Next.Add(ahead)
	}
	if j.Level == stall.Unseen { // they are looked for again before
		age := now.Add(-ahead).Sub(j.Unseen)
		j.Next = minTime(j.Next, now.Add(min(max(age/10, e.scaled(secondLook)), e.scaled(pollDoubt))))
	}
	return j, nil
}

// noteUnseen keeps since when GitHub has not shown the jobs of a run. That
// proves nothing: nothing is done about the run until they are shown, or until
// it has taken longer than any run should.
func (e *Engine) noteUnseen(ctx context.Context, run store.WorkflowRun, hidden bool, now time.Time) (time.Time, error) {
	since := run.UnseenAt
	switch {
	case !hidden:
		since = 0
	case since == 0:
		since = store.MillisOf(now)
	}
	if since == run.UnseenAt {
		return since.Time(), nil
	}
	return since.Time(), e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.NoteUnseen(ctx, run.RepoID, run.RunID, run.Attempt, since)
	})
}

package fallback

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// canaryWindow is how long an observation says something about the present.
	canaryWindow = 10 * time.Minute
	// canaryStep is how much newer an observation that says the same as the
	// last one has to be to be written: a busy workflow begins all the time.
	canaryStep = time.Minute
	// keepCanaries is how long observations are kept.
	keepCanaries = 24 * time.Hour
)

// mass is what makes many troubles one: three targets, and three in ten of
// those that were active within canaryWindow.
var mass = storm.Mass{Targets: 3, Share: 0.3}

// massRepositories is of how many repositories the targets have to be, unless
// only one is watched at all: that the workflow files of one are broken is no
// trouble of the others.
const massRepositories = 2

// canary takes note that a run of a target has begun, or that it has not in
// its time: no step of it started, it ended as startup_failure, or it does not
// even exist although its tick or push has passed. at is the moment of the
// observation. One such sign says something about the target; many at once say
// something about GitHub.
func (e *Engine) canary(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath string, started bool, at store.Millis) error {
	return e.canaryOf(ctx, tx, repo, workflowPath, started, at, 0)
}

// canaryOf takes note of the same of a run that an incident is about, or has
// started: it may be the probe.
func (e *Engine) canaryOf(ctx context.Context, tx *store.Tx, repo queue.Repo, workflowPath string, started bool, at store.Millis, incident int64) error {
	now := e.Clock.Now()
	seen := store.Canary{RepoID: repo.ID, WorkflowPath: workflowPath, Began: started, At: at}
	news, err := tx.SaveCanary(ctx, seen, store.Millis(e.scaled(canaryStep).Milliseconds()))
	if err != nil {
		return err
	}
	if err := e.listen(ctx, tx); err != nil {
		return err
	}
	d, err := readDependency(ctx, tx, dependsActions)
	if err != nil || !news && d.breaker.State == storm.Closed {
		return err
	}
	// GitHub's moments are in whole seconds, so this one can be later by that.
	moment := at.Time().Add(time.Second - time.Millisecond)
	if moment.After(now) {
		moment = now
	}
	r := e.rules(dependsActions)
	others, err := store.OtherRepositories(ctx, tx, repo.ID)
	if err != nil {
		return err
	}
	if others {
		r.Groups = massRepositories
	}
	group := strconv.FormatInt(repo.ID, 10)
	o := storm.Outcome{At: moment, OK: started, By: group + "/" + workflowName(workflowPath), Group: group, Probe: incident}
	is := r.Record(d.breaker, o, now)
	if started || is.State != storm.Closed && d.breaker.State != storm.Closed {
		return e.turned(ctx, tx, d, is, fmt.Sprintf("a run of %s has %s", workflowName(workflowPath), begunWord(started)), nil)
	}
	since := store.MillisOf(now.Add(-e.scaled(canaryWindow)))
	if !d.breaker.Since.IsZero() {
		since = max(since, store.MillisOf(d.breaker.Since))
	}
	n, err := store.Canaries(ctx, tx, since)
	if err != nil {
		return err
	}
	if is.State == storm.Closed && mass.Storm(n.Silent, n.Active) && n.Repositories >= r.Groups {
		is = r.Trip(is, now)
	}
	why := fmt.Sprintf("runs do not begin: of %d of %d workflows that were active within %s", n.Silent, n.Active, e.scaled(canaryWindow))
	evidence := map[string]any{"silent": n.Silent, "active": n.Active, "repositories": n.Repositories, "window": e.scaled(canaryWindow).String()}
	return e.turned(ctx, tx, d, is, why, evidence)
}

func begunWord(started bool) string {
	if started {
		return "begun"
	}
	return "not begun"
}

// born is the news of an incident: some of them say that a run did not begin.
func (e *Engine) born(ctx context.Context, tx *store.Tx, inc *store.Incident) error {
	silent := inc.Conclusion == startupFailure
	switch Signal(inc.Signal) {
	case Missed, Stalled, Absent:
		silent = true
	case Upstream:
		return nil
	}
	if !silent {
		return nil
	}
	repo := queue.Repo{InstallationID: inc.InstallationID, ID: inc.RepoID, Owner: inc.Owner, Name: inc.Repo}
	if err := e.canary(ctx, tx, repo, inc.WorkflowPath, false, e.now()); err != nil {
		return err
	}
	d, err := readDependency(ctx, tx, dependsActions)
	if err != nil || d.breaker.State == storm.Closed || d.UpstreamID == 0 {
		return err
	}
	inc.UpstreamID = d.UpstreamID
	return tx.Join(ctx, d.UpstreamID, inc.ID)
}

// sample tells from a failed attempt that was just classified whether it began.
func (e *Engine) sample(ctx context.Context, sc *scope) error {
	inc := sc.inc
	if !runs.Failed(inc.Conclusion) || inc.Cause == causeUnknown {
		return nil
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), inc.RepoID, inc.RunID)
	if err != nil || !ok || known.Attempt != inc.RunAttempt {
		return err
	}
	unbegun := known.Conclusion == startupFailure ||
		inc.Conclusion == "failure" && inc.Cause == string(config.Infrastructure) && (inc.FailedStep == "" || slices.Contains(runnerSteps, inc.FailedStep))
	at := known.UpdatedAt
	if !unbegun {
		at = begunAt(known)
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.canaryOf(ctx, tx, sc.repo, inc.WorkflowPath, !unbegun, at, inc.ID)
	})
}

// begins takes a run as a canary that has begun. One that waits, or failed, is
// not judged here: why is only known from its jobs.
func (e *Engine) begins(ctx context.Context, tx *store.Tx, repo queue.Repo, r store.WorkflowRun) error {
	if r.Status != "in_progress" && r.Conclusion != "success" {
		return nil
	}
	return e.canary(ctx, tx, repo, r.WorkflowPath, true, begunAt(r))
}

// begunAt is when an attempt began, or a moment before that when it is unknown.
func begunAt(r store.WorkflowRun) store.Millis {
	for _, at := range []store.Millis{r.BeganAt, r.StartedAt} {
		if at != 0 {
			return at
		}
	}
	return r.CreatedAt
}

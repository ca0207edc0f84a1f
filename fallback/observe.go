package fallback

import (
	"context"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// settleRead is how long a 404 for a run that a webhook named is not believed:
// GitHub's readers lag behind its events.
const settleRead = time.Minute

// Observe is the worker of queue.ObserveRun. It reads the run again, records
// it, and opens or wakes incidents. It may run any number of times for a run.
func (e *Engine) Observe(ctx context.Context, job queue.Job) error {
	return e.patient(ctx, job, e.observeJob(ctx, job))
}

func (e *Engine) observeJob(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.ObserveRun](job)
	if err != nil {
		return err
	}
	log := zerolog.Ctx(ctx).With().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Int64("run", args.RunID).Logger()
	ctx = log.WithContext(ctx)
	if args.Repo, err = e.addressed(ctx, args.Repo); err != nil {
		return err
	}
	client, err := e.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	r, err := runs.Get(ctx, client, args.Repo, args.RunID)
	if githubapi.IsNotFound(err) {
		if e.Clock.Since(job.CreatedAt) < e.scaled(settleRead) {
			return queue.Snooze(e.Clock.Now().Add(e.scaled(pollSettle)), err)
		}
		return e.wakeRun(ctx, args.Repo.ID, args.RunID)
	}
	if err != nil {
		return e.lost(ctx, err)
	}
	o, err := e.observation(ctx, client, args.Repo, r)
	if err != nil {
		return err
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.conclude(ctx, tx, o) })
}

// observation is a run with what is needed to judge it.
type observation struct {
	repo    queue.Repo
	run     *runs.Run
	flow    config.Workflow
	watched bool
	opens   bool // a failure of it is an incident
	ours    bool // started by a dispatch of this App
}

func (e *Engine) observation(ctx context.Context, client *github.Client, repo queue.Repo, r *runs.Run) (observation, error) {
	o := observation{repo: repo, run: r, ours: e.dispatchedByUs(r)}
	var err error
	if o.flow, o.watched, err = e.watched(ctx, repo, r.WorkflowPath(), runs.Failed(r.GetConclusion())); err != nil || !o.watched {
		return o, err
	}
	// A run of a fork or a pull request says nothing about the default branch,
	// even when its branch has the same name.
	if !r.Own(repo.ID) || o.ours {
		return o, nil
	}
	at, err := e.withBranch(ctx, client, repo)
	if err != nil || !at.OfDefault(r.GetHeadBranch(), store.MillisOf(r.Created())) {
		return o, err
	}
	o.opens = !e.causedByUs(r)
	if !o.opens && runs.Failed(r.GetConclusion()) {
		zerolog.Ctx(ctx).Info().Str("event", r.GetEvent()).Str("url", r.GetHTMLURL()).Msg("a failed run that this App has led to opens no incident by itself")
	}
	return o, nil
}

// dispatchedByUs says that a run is the work of a step, whether or not its id
// is known yet.
func (e *Engine) dispatchedByUs(r *runs.Run) bool {
	return r.Dispatched() && e.isUs(r.GetActor())
}

// causedByUs is the outer loop guard: GitHub hands our login on to what the
// end of our runs starts, such as by workflow_run. Our own re-runs belong to
// the incident of their run. The actor of a schedule is who last changed its
// cron; nothing of ours starts one.
func (e *Engine) causedByUs(r *runs.Run) bool {
	return r.GetEvent() != schedule.Event && (e.isUs(r.GetActor()) || e.isUs(r.GetTriggeringActor()))
}

func (e *Engine) isUs(u *github.User) bool {
	bot := e.BotLogin()
	return bot != "" && strings.EqualFold(u.GetLogin(), bot)
}

// watched finds the configuration of a workflow. When the repository's
// configuration was never read, it is read if that is worth it.
func (e *Engine) watched(ctx context.Context, repo queue.Repo, workflowPath string, load bool) (config.Workflow, bool, error) {
	c, known, err := e.Configs.InForce(ctx, repo.ID)
	if err == nil && !known && load {
		c, err = e.Configs.Load(ctx, repo)
	}
	if err != nil {
		return config.Workflow{}, false, err
	}
	for _, w := range c.Workflows {
		if w.File == workflowPath {
			return w, true, nil
		}
	}
	return config.Workflow{}, false, nil
}

// conclude draws the consequences of an observation, from what is known of the
// run after it was merged: an answer that is older than the record changes nothing.
func (e *Engine) conclude(ctx context.Context, tx *store.Tx, o observation) error {
	subject, parents, err := store.IncidentsOfRun(ctx, tx, o.repo.ID, o.run.GetID())
	if err != nil {
		return err
	}
	involved := append(subject, parents...)
	hoped := false
	if len(parents) == 0 && (o.ours || e.BotLogin() == "") {
		if hoped, err = e.expected(ctx, tx, o); err != nil {
			return err
		}
	}
	if !o.watched && len(involved) == 0 && !hoped {
		return nil
	}
	known, err := e.record(ctx, tx, o.repo.ID, o.run)
	if err != nil {
		return err
	}
	if known.Completed() { // below, in this transaction
		if err := tx.Account(ctx, known.RepoID, known.RunID); err != nil {
			return err
		}
	}
	if o.watched {
		if known, err = e.clock.Match(ctx, tx, o.repo, known); err != nil {
			return err
		}
	}
	if len(subject) == 0 && o.opens {
		id, err := e.cameForPush(ctx, tx, o.repo, known)
		if err != nil {
			return err
		}
		if id != 0 {
			subject, involved = []int64{id}, append(involved, id)
		}
	}
	if err := e.tell(ctx, tx, o, known, involved); err != nil || !o.opens {
		return err
	}
	return e.ended(ctx, tx, o, known, subject, len(involved) > 0 || hoped)
}

// tell lets those know of a run whom it concerns.
func (e *Engine) tell(ctx context.Context, tx *store.Tx, o observation, known store.WorkflowRun, involved []int64) error {
	if err := e.risen(ctx, tx, known, involved); err != nil {
		return err
	}
	if o.watched {
		if err := e.begins(ctx, tx, o.repo, known); err != nil {
			return err
		}
	}
	if o.opens {
		if err := e.inspectLater(ctx, tx, o.repo, known); err != nil {
			return err
		}
	}
	if err := e.wake(ctx, tx, involved...); err != nil || known.Conclusion != "success" {
		return err
	}
	if err := e.primaryDone(ctx, tx, known); err != nil || !o.watched {
		return err
	}
	return e.succeeded(ctx, tx, known)
}

// ended draws the consequences of the end of a run whose failure is an
// incident. accounted says that one has it already, or may have started it.
func (e *Engine) ended(ctx context.Context, tx *store.Tx, o observation, known store.WorkflowRun, subject []int64, accounted bool) error {
	if known.Conclusion == "success" {
		return e.flaps(ctx, tx, known)
	}
	if !runs.Failed(known.Conclusion) {
		return nil
	}
	if err := e.flaps(ctx, tx, known); err != nil {
		return err
	}
	if err := e.reopenStall(ctx, tx, known, subject); err != nil || accounted {
		return err
	}
	if done, err := e.triedForTick(ctx, tx, known); err != nil || done {
		return err
	}
	_, err := e.open(ctx, tx, opening{repo: o.repo, run: known, flow: o.flow})
	return err
}

// succeeded is the news that the workflow works: its breaker closes, and
// incidents that were given up or held back look again.
func (e *Engine) succeeded(ctx context.Context, tx *store.Tx, r store.WorkflowRun) error {
	proves, err := store.Proves(ctx, tx, r)
	if err != nil {
		return err
	}
	if proves {
		if err := e.closeBreaker(ctx, tx, r.RepoID, r.WorkflowPath); err != nil {
			return err
		}
	}
	list, err := store.Incidents(ctx, tx, store.IncidentFilter{
		RepoID: r.RepoID, WorkflowPath: r.WorkflowPath, States: []string{string(Exhausted), string(Suppressed)},
	})
	if err != nil {
		return err
	}
	for _, inc := range list {
		if err := e.wake(ctx, tx, inc.ID); err != nil {
			return err
		}
	}
	return e.wakeMissed(ctx, tx, r.RepoID, r.WorkflowPath, string(Suspected), string(Failing), string(InDoubt))
}

// wake enqueues the advance of incidents, now.
func (e *Engine) wake(ctx context.Context, tx *store.Tx, ids ...int64) error {
	for _, id := range ids {
		if err := e.Queue.Enqueue(ctx, tx, advanceItem(id, time.Time{})); err != nil {
			return err
		}
	}
	return nil
}

// wakeRun wakes whoever waits for a run that is gone.
func (e *Engine) wakeRun(ctx context.Context, repoID, runID int64) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		subject, parents, err := store.IncidentsOfRun(ctx, tx, repoID, runID)
		if err != nil {
			return err
		}
		return e.wake(ctx, tx, append(subject, parents...)...)
	})
}

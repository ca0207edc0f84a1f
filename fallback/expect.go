package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
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

const (
	// pushEvent is the event of runs that a push starts.
	pushEvent = "push"
	// pushGrace is how long the runs of a push may take to exist.
	pushGrace = 10 * time.Minute
)

// expectedRun is a workflow that a push should have started.
type expectedRun struct {
	path string
	flow config.Workflow
}

// Expect is the worker of queue.ExpectRun. The runs of most pushes are known by
// then, and it asks GitHub nothing.
func (e *Engine) Expect(ctx context.Context, job queue.Job) error {
	return e.patient(ctx, job, e.expectJob(ctx, job))
}

func (e *Engine) expectJob(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.ExpectRun](job)
	if err != nil {
		return err
	}
	if due := job.CreatedAt.Add(e.scaled(pushGrace)); e.Clock.Now().Before(due) {
		return queue.Snooze(due, nil)
	}
	log := zerolog.Ctx(ctx).With().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Str("commit", args.SHA).Logger()
	ctx = log.WithContext(ctx)
	if args.Repo, err = e.addressed(ctx, args.Repo); err != nil {
		return err
	}
	missing, err := e.startedBy(ctx, args)
	if err != nil || len(missing) == 0 {
		return err
	}
	known, err := store.PushedRuns(ctx, e.Store.Read(), args.Repo.ID, args.SHA, answersFrom(store.Millis(args.PushedAt)))
	if err != nil {
		return err
	}
	if missing = without(missing, known); len(missing) == 0 {
		return nil
	}
	return e.notStarted(ctx, args, missing, job.CreatedAt)
}

// startedBy are the watched workflows that every push to the branch starts.
func (e *Engine) startedBy(ctx context.Context, args queue.ExpectRun) ([]expectedRun, error) {
	c, known, err := e.Configs.InForce(ctx, args.Repo.ID)
	if err != nil || !known || len(c.Workflows) == 0 {
		return nil, err
	}
	watches, err := store.WatchesOf(ctx, e.Store.Read(), args.Repo.ID)
	if err != nil {
		return nil, err
	}
	starts := map[string]bool{}
	for _, w := range watches {
		var facts config.WorkflowFacts
		if err := json.Unmarshal([]byte(w.Facts), &facts); err != nil {
			return nil, fmt.Errorf("decode watch of %s: %w", w.WorkflowPath, err)
		}
		starts[w.WorkflowPath] = facts.StartedByPush(args.Branch) && !schedule.SwitchedOff(w.WorkflowState)
	}
	var list []expectedRun
	for _, w := range c.Workflows {
		if starts[w.File] {
			list = append(list, expectedRun{w.File, w})
		}
	}
	return list, nil
}

func without(list []expectedRun, known map[string]bool) []expectedRun {
	var rest []expectedRun
	for _, x := range list {
		if !known[x.path] {
			rest = append(rest, x)
		}
	}
	return rest
}

// notStarted asks GitHub for the runs of the push, and suspects what it does not list.
func (e *Engine) notStarted(ctx context.Context, args queue.ExpectRun, missing []expectedRun, pushed time.Time) error {
	client, err := e.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	if args.Repo, err = e.locate(ctx, client, args.Repo); err != nil {
		return e.lost(ctx, err)
	}
	list, err := runs.List(ctx, client, args.Repo, runs.Query{Filter: url.Values{"event": {pushEvent}, "head_sha": {args.SHA}}})
	if err != nil {
		return err
	}
	came := map[string]bool{}
	for _, r := range list.Runs {
		came[r.WorkflowPath()] = came[r.WorkflowPath()] || store.MillisOf(r.Created()) >= answersFrom(store.Millis(args.PushedAt))
	}
	if missing, err = e.stillMeant(ctx, client, args, without(missing, came), pushed); err != nil {
		return err
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, x := range missing {
			if err := e.suspectPush(ctx, tx, args, x, store.MillisOf(pushed)); err != nil {
				return err
			}
		}
		for _, r := range list.Runs { // their webhooks were lost
			if err := e.Queue.Enqueue(ctx, tx, queue.ObserveRun{Repo: args.Repo, RunID: r.GetID()}.Item()); err != nil {
				return err
			}
		}
		return nil
	})
}

// stillMeant leaves out what a newer push has taken over. While one is so young
// that its runs may yet come, the job waits.
func (e *Engine) stillMeant(ctx context.Context, client *github.Client, args queue.ExpectRun, missing []expectedRun, pushed time.Time) ([]expectedRun, error) {
	if len(missing) == 0 {
		return nil, nil
	}
	due := pushed.Add(2*e.scaled(pushGrace) + e.scaled(secondLook))
	head, err := branchHead(ctx, client, args.Repo, args.Branch)
	if githubapi.IsNotFound(err) && !e.Clock.Now().Before(due) {
		return nil, nil // the branch is gone
	}
	if err != nil || head == args.SHA {
		return missing, err
	}
	newer, err := runs.List(ctx, client, args.Repo, runs.Query{Filter: url.Values{"event": {pushEvent}, "branch": {args.Branch}}})
	if err != nil {
		return nil, err
	}
	var rest []expectedRun
	for _, x := range missing {
		p := push{repoID: args.Repo.ID, path: x.path, branch: args.Branch, sha: args.SHA, at: store.MillisOf(pushed)}
		switch over, err := e.takenOver(ctx, p, head, newer.Runs); {
		case err != nil:
			return nil, err
		case !over:
			rest = append(rest, x)
		}
	}
	if len(rest) > 0 && e.Clock.Now().Before(due) {
		return nil, queue.Snooze(due, nil)
	}
	return rest, nil
}

// branchHead is the commit of a branch.
func branchHead(ctx context.Context, client *github.Client, repo queue.Repo, branch string) (string, error) {
	var ref struct {
		Object struct {
			SHA string `json:"sha"`
		} `json:"object"`
	}
	where := githubapi.RepoPath(repo.Owner, repo.Name, append([]string{"git", "ref", "heads"}, strings.Split(branch, "/")...)...)
	if _, err := githubapi.Get(ctx, client, where, &ref); err != nil {
		return "", fmt.Errorf("read branch %s of %s: %w", branch, repo.FullName(), err)
	}
	return ref.Object.SHA, nil
}

// pushKey is the occurrence of what a push should have started.
func pushKey(repo queue.Repo, workflowPath, sha string) string {
	return OccurrenceKey(repo.InstallationID, repo.ID, workflowPath, pushEvent, sha, 0)
}

// suspectPush opens the incident of a push that has started no run of a workflow.
func (e *Engine) suspectPush(ctx context.Context, tx *store.Tx, args queue.ExpectRun, x expectedRun, pushed store.Millis) error {
	ladder, err := json.Marshal(x.flow)
	if err != nil {
		return fmt.Errorf("write ladder: %w", err)
	}
	if err := e.canary(ctx, tx, args.Repo, x.path, false, e.now()); err != nil {
		return err
	}
	key, err := pushOnRecord(ctx, tx, args.Repo, x.path, args.SHA)
	if err != nil {
		return err
	}
	now := e.now()
	inc := &store.Incident{
		OccurrenceKey: key, InstallationID: args.Repo.InstallationID, RepoID: args.Repo.ID,
		Owner: args.Repo.Owner, Repo: args.Repo.Name, WorkflowPath: x.path, Event: pushEvent, HeadBranch: args.Branch, HeadSHA: args.SHA,
		RunCreatedAt: pushed, Signal: string(Absent), BeganAt: pushed, PushedAt: store.Millis(args.PushedAt), State: string(Healthy), Ladder: string(ladder), OpenedAt: now, UpdatedAt: now,
	}
	opened, err := tx.OpenIncident(ctx, inc)
	if err != nil || !opened {
		return err
	}
	reason := fmt.Sprintf("the push of %.7s has started no run of %s yet", args.SHA, workflowName(x.path))
	if err := e.move(ctx, tx, inc, Suspected, reason, map[string]any{"commit": args.SHA, "pushed_at": pushed.Time()}); err != nil {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}

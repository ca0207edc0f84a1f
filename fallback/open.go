package fallback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// opening is why an incident opens.
type opening struct {
	repo  queue.Repo
	run   store.WorkflowRun
	flow  config.Workflow
	depth int
	actor string // who asked, "" when the run's end did
	// automated: no person asked, whatever actor says
	automated bool
}

// OccurrenceKey identifies one failure of one run for good, across attempts,
// webhooks, restarts and servers. It is the claim's key, and what fallbacks
// get as "claim".
func OccurrenceKey(installationID, repoID int64, workflowPath, event, headSHA string, runID int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%d|%s|%s|%s|%d", installationID, repoID, workflowPath, event, headSHA, runID))
	return hex.EncodeToString(sum[:])
}

// open opens the incident of an occurrence, and returns nil when it has one
// already: the unique index decides, not the order of webhooks.
func (e *Engine) open(ctx context.Context, tx *store.Tx, o opening) (*store.Incident, error) {
	ladder, err := json.Marshal(o.flow)
	if err != nil {
		return nil, fmt.Errorf("write ladder: %w", err)
	}
	r := o.run
	key, err := occurrenceOnRecord(ctx, tx, o.repo, r)
	if err != nil {
		return nil, err
	}
	now := e.now()
	inc := &store.Incident{
		OccurrenceKey:  key,
		InstallationID: o.repo.InstallationID, RepoID: o.repo.ID, Owner: o.repo.Owner, Repo: o.repo.Name,
		WorkflowPath: r.WorkflowPath, Event: r.Event, HeadBranch: r.HeadBranch, HeadSHA: r.HeadSHA,
		RunID: r.RunID, RunAttempt: r.Attempt, RunURL: r.URL, RunCreatedAt: r.CreatedAt, Conclusion: r.Conclusion,
		Depth: o.depth, State: string(Healthy), Ladder: string(ladder), Actor: o.actor, OpenedAt: now, UpdatedAt: now,
		Forced: o.actor != "" && !o.automated, Signal: string(Failed), BeganAt: r.CreatedAt, TickAt: r.TickAt, TickCron: r.TickCron,
	}
	if err := e.passPauses(ctx, tx, inc); err != nil {
		return nil, err
	}
	opened, err := tx.OpenIncident(ctx, inc)
	if err != nil {
		return nil, err
	}
	if !opened {
		return e.reopen(ctx, tx, inc.OccurrenceKey, o)
	}
	reason := fmt.Sprintf("attempt %d concluded %s", r.Attempt, r.Conclusion)
	evidence := map[string]any{"run": r.RunID, "attempt": r.Attempt, "conclusion": r.Conclusion, "url": r.URL}
	if o.actor != "" {
		evidence["asked_by"] = o.actor
	}
	if err := e.move(ctx, tx, inc, Failing, reason, evidence); err != nil {
		return nil, err
	}
	if err := tx.PruneEngine(ctx, e.Clock.Now()); err != nil {
		return nil, err
	}
	return inc, e.wake(ctx, tx, inc.ID)
}

// defaultBranch asks our own record of the repository, else GitHub.
func (e *Engine) defaultBranch(ctx context.Context, client *github.Client, repo queue.Repo) (string, error) {
	at, err := e.withBranch(ctx, client, repo)
	return at.DefaultBranch, err
}

// withBranch is our record of the repository, with the default branch that
// GitHub tells while the record does not name one.
func (e *Engine) withBranch(ctx context.Context, client *github.Client, repo queue.Repo) (store.Repository, error) {
	known, ok, err := e.Store.Repository(ctx, repo.ID)
	if err != nil || ok && known.DefaultBranch != "" {
		return known, err
	}
	r := new(github.Repository)
	if _, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name), r); err != nil {
		return known, fmt.Errorf("read default branch of %s: %w", repo.FullName(), err)
	}
	known.DefaultBranch = r.GetDefaultBranch()
	return known, nil
}

package fallback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// A repository's name is free again as soon as it is renamed or transferred,
// and whoever takes it gets everything that is addressed to it. Its id stays.
// So nothing is written under a name, and no absence believed, that GitHub has
// not just shown to be that of the repository meant.

// maxSought is how long the news of an incident wait for its repository to be
// found. One that was deleted never is.
const maxSought = 24 * time.Hour

// repository is where an incident's calls go: under the name that the
// repository has now.
func (e *Engine) repository(ctx context.Context, inc *store.Incident) (queue.Repo, error) {
	return e.addressed(ctx, queue.Repo{InstallationID: inc.InstallationID, ID: inc.RepoID, Owner: inc.Owner, Name: inc.Repo})
}

// addressed gives a repository the name that is on record, which every webhook
// brings up to date: repo itself may be from a job that has waited.
func (e *Engine) addressed(ctx context.Context, repo queue.Repo) (queue.Repo, error) {
	now, known, err := e.Store.Repository(ctx, repo.ID)
	if err == nil && known && !now.Removed && now.Owner != "" && now.Name != "" {
		repo.InstallationID, repo.Owner, repo.Name = now.InstallationID, now.Owner, now.Name
	}
	return repo, err
}

// locate makes sure that the repository is at its name. GitHub redirects reads
// of a former name as long as nobody else has it; the name that it answers
// with then counts, because it does not redirect all writes.
func (e *Engine) locate(ctx context.Context, client *github.Client, repo queue.Repo) (queue.Repo, error) {
	found := new(github.Repository)
	_, err := githubapi.Get(ctx, client, githubapi.RepoPath(repo.Owner, repo.Name), found)
	if githubapi.IsNotFound(err) {
		return repo, &runs.ElsewhereError{Repo: repo}
	}
	if err != nil {
		return repo, fmt.Errorf("read repository %s: %w", repo.FullName(), err)
	}
	return e.recognise(ctx, repo, found)
}

// recognise compares the repository in an answer with the one that was asked.
func (e *Engine) recognise(ctx context.Context, repo queue.Repo, found *github.Repository) (queue.Repo, error) {
	if found.GetID() != repo.ID {
		return repo, &runs.ElsewhereError{Repo: repo, Found: found.GetID()}
	}
	owner, name, ok := strings.Cut(found.GetFullName(), "/")
	if !ok || owner == repo.Owner && name == repo.Name {
		return repo, nil
	}
	repo.Owner, repo.Name = owner, name
	return repo, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		changed, err := store.SaveRepositoryFacts(ctx, tx, store.Repository{
			ID: repo.ID, InstallationID: repo.InstallationID, Owner: owner, Name: name, DefaultBranch: found.GetDefaultBranch(), SeenAt: e.now(),
		})
		if err != nil || !changed {
			return err
		}
		return e.Queue.Enqueue(ctx, tx, queue.LoadConfig{Repo: repo}.Item()) // another owner has other defaults
	})
}

// seek has the installation's repositories read again, which brings the names
// up to date.
func (e *Engine) seek(ctx context.Context, tx *store.Tx, repo queue.Repo) error {
	return e.Queue.Enqueue(ctx, tx, queue.SyncInstallation{InstallationID: repo.InstallationID}.Item())
}

// lost has the repository sought when that is what err is about, and gives err
// back: the job is tried again later.
func (e *Engine) lost(ctx context.Context, err error) error {
	var elsewhere *runs.ElsewhereError
	if !errors.As(err, &elsewhere) {
		return err
	}
	return errors.Join(err, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.seek(ctx, tx, elsewhere.Repo) }))
}

// hold keeps an incident that GitHub gives no usable answer about: it shows
// why, once, and looks again at growing intervals. Ending the job instead would
// leave the incident alone until a restart.
func (e *Engine) hold(ctx context.Context, id int64, what string, cause error) error {
	inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), id)
	if err != nil || !ok || State(inc.State).Settled() {
		return err
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		var elsewhere *runs.ElsewhereError
		if errors.As(cause, &elsewhere) {
			if err := e.seek(ctx, tx, elsewhere.Repo); err != nil {
				return err
			}
		}
		// The rest of the reason may differ from one answer to the next.
		if !strings.HasPrefix(inc.Reason, what) {
			inc.Reason = clip(what+": "+cause.Error(), 500)
			if err := e.note(ctx, tx, &inc, inc.Reason, nil); err != nil && !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
		return e.Queue.Enqueue(ctx, tx, advanceItem(id, e.again(inc.UpdatedAt)))
	})
}

// again is when to ask once more what GitHub has refused since a moment: a
// spurious refusal is over soon, a real one lasts until somebody acts.
func (e *Engine) again(since store.Millis) time.Time {
	now := e.Clock.Now()
	return now.Add(min(max(now.Sub(since.Time()), e.scaled(pollMin)), pollDormant))
}

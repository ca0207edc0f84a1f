package handlers

import (
	"context"
	"strings"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
)

// GitHub lists at most this many commits in a push, and at most this many
// files per commit; longer lists are cut without a word (webhook events and
// payloads, "push").
const (
	maxPushCommits = 2048
	maxCommitFiles = 3000
)

// Push validates every pushed branch head, and reloads the configuration when
// the default branch may have changed it.
type Push struct{ *base }

// Handles implements githubapp.EventHandler.
func (*Push) Handles() []string { return []string{"push"} }

// Handle implements githubapp.EventHandler.
func (h *Push) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(ctx context.Context, e *pushEvent) (intent, error) {
		return h.decide(ctx, e, deliveryID)
	})
}

type pushEvent struct {
	envelope
	Ref     string       `json:"ref"`
	Before  string       `json:"before"`
	After   string       `json:"after"`
	Forced  bool         `json:"forced"`
	Created bool         `json:"created"`
	Deleted bool         `json:"deleted"`
	Pusher  account      `json:"pusher"`
	Commits []pushCommit `json:"commits"`
	// HeadCommit is null for a branch that was deleted.
	HeadCommit pushCommit `json:"head_commit"`
}

type pushCommit struct {
	Message  string   `json:"message"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

func (h *Push) decide(ctx context.Context, e *pushEvent, deliveryID string) (intent, error) {
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed), nil
	}
	branch, ok := strings.CutPrefix(e.Ref, "refs/heads/")
	if !ok {
		return ignore("not a branch"), nil
	}
	if e.Deleted || !isCommit(e.After) {
		return ignore("branch was deleted"), nil
	}
	// check_suite.requested asks for the same validation; whichever comes
	// second is folded, and with suites switched off this one is all there is.
	items := []queue.Item{queue.ValidateCommit{Repo: repo, SHA: e.After, DeliveryID: deliveryID}.Item()}
	if branch == e.Repository.DefaultBranch && e.startsRuns() {
		items = append(items, queue.ExpectRun{Repo: repo, Branch: branch, SHA: e.After, PushedAt: int64(moment(e.Repository.PushedAt)), DeliveryID: deliveryID}.Item())
	}
	if branch != e.Repository.DefaultBranch || !e.mayTouch(isConfiguration) {
		return enqueue(items...), nil
	}
	load := queue.LoadConfig{Repo: repo, DeliveryID: deliveryID}
	if isCommit(e.Before) {
		load.Before = e.Before
	}
	items = append(items, load.Item())
	if strings.EqualFold(repo.Name, config.OwnerRepo) && e.mayTouch(isOwnerDefault) {
		others, err := h.Store.RepositoryConfigsOf(ctx, repo.Owner)
		if err != nil {
			return intent{}, err
		}
		for _, other := range others {
			if other.RepoID != repo.ID {
				address := queue.Repo{InstallationID: other.InstallationID, ID: other.RepoID, Owner: other.Owner, Name: other.Name}
				items = append(items, queue.LoadConfig{Repo: address, DeliveryID: deliveryID}.Item())
			}
		}
	}
	return enqueue(items...), nil
}

// isConfiguration says whether the configuration in force depends on path. The
// workflows count, because references into them are part of it.
func isConfiguration(path string) bool {
	return path == config.RepositoryPath || path == config.OriginalPath || strings.HasPrefix(path, config.WorkflowsDir+"/")
}

func isOwnerDefault(path string) bool { return path == config.RepositoryPath }

// mayTouch is true when a listed file is one of those, and whenever the lists
// cannot prove that none was touched: a forced push or a new branch drops and
// adds commits that are not listed, and a commit without any file may be a merge.
func (e *pushEvent) mayTouch(one func(path string) bool) bool {
	if e.Forced || e.Created || len(e.Commits) == 0 || len(e.Commits) >= maxPushCommits {
		return true
	}
	for _, c := range e.Commits {
		files := 0
		for _, list := range [][]string{c.Added, c.Removed, c.Modified} {
			files += len(list)
			for _, path := range list {
				if one(path) {
					return true
				}
			}
		}
		if files == 0 || files >= maxCommitFiles {
			return true
		}
	}
	return false
}

package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/queue"
)

// errNoBranch keeps runs unread: without a default branch none of them counts,
// and what was read so would pass for all there is.
var errNoBranch = errors.New("the default branch is not known")

// branchOf is the repository's default branch: the one on record, else what
// GitHub says. The webhook of a new installation does not name it.
func (h *History) branchOf(ctx context.Context, client *github.Client, repo queue.Repo, known string) (string, error) {
	if known != "" {
		return known, nil
	}
	r, resp, err := client.Repositories.Get(ctx, repo.Owner, repo.Name)
	if resp != nil {
		h.noteRate(repo.InstallationID, resp.Rate)
	}
	if err != nil {
		return "", fmt.Errorf("read repository %s: %w", repo.FullName(), err)
	}
	if r.GetID() != repo.ID {
		return "", fmt.Errorf("read repository %s: %w", repo.FullName(), &runs.ElsewhereError{Repo: repo, Found: r.GetID()})
	}
	if r.GetDefaultBranch() == "" {
		return "", fmt.Errorf("read repository %s: %w", repo.FullName(), errNoBranch)
	}
	return r.GetDefaultBranch(), nil
}

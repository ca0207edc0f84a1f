package repoconfig

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

// errOtherRepository reports that a name now belongs to another repository.
// Its configuration must not be applied to the one that was asked about.
var errOtherRepository = errors.New("the name belongs to another repository now")

// tree is the relevant part of a repository at the head of its default branch.
type tree struct {
	client      *github.Client
	owner, name string
	head        string
	files       map[string]githubapi.File
}

// open finds the head of the default branch. GitHub follows renames; names and
// id are taken from its answer. A repository without a commit has no head.
func open(ctx context.Context, client *github.Client, repo queue.Repo) (*tree, error) {
	r, _, err := client.Repositories.Get(ctx, repo.Owner, repo.Name)
	if err != nil {
		return nil, fmt.Errorf("find default branch: %w", err)
	}
	if repo.ID != 0 && r.GetID() != repo.ID {
		return nil, queue.Permanent(fmt.Errorf("find %s (id %d): %w (id %d)", repo.FullName(), repo.ID, errOtherRepository, r.GetID()))
	}
	t := &tree{client: client, owner: r.GetOwner().GetLogin(), name: r.GetName()}
	ref, _, err := client.Git.GetRef(ctx, t.owner, t.name, "heads/"+r.GetDefaultBranch())
	if isEmpty(err) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find head of %s: %w", r.GetDefaultBranch(), err)
	}
	t.head = ref.GetObject().GetSHA()
	return t, nil
}

// isEmpty tells a repository without commits, or whose default branch was
// deleted, from one that cannot be reached: the repository itself has just
// been answered.
func isEmpty(err error) bool {
	var api *github.ErrorResponse
	if !errors.As(err, &api) || api.Response == nil {
		return false
	}
	return api.Response.StatusCode == http.StatusConflict || githubapi.IsNotFound(err)
}

// list fills in the files.
func (t *tree) list(ctx context.Context) error {
	t.files = map[string]githubapi.File{}
	if t.head == "" {
		return nil
	}
	files, err := githubapi.RelevantFiles(ctx, t.client, t.owner, t.name, t.head)
	if err != nil {
		return err
	}
	for _, f := range files {
		t.files[f.Path] = f
	}
	return nil
}

// read reads one of the files.
func (t *tree) read(ctx context.Context, f githubapi.File, limit int) ([]byte, error) {
	return githubapi.Blob(ctx, t.client, t.owner, t.name, f.BlobSHA, limit)
}

// isHidden reports that the installation may not see a repository, as opposed
// to a rate limit or a suspended installation, which say nothing about it.
func isHidden(err error) bool {
	if _, limited := githubapi.LimitedUntil(err); limited || githubapi.IsDormant(err) {
		return false
	}
	var api *github.ErrorResponse
	forbidden := errors.As(err, &api) && api.Response != nil && api.Response.StatusCode == http.StatusForbidden
	return forbidden || githubapi.IsNotFound(err)
}

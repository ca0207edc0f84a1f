package installation

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// pageSize is the largest that GitHub serves.
const pageSize = 100

// SyncAll has every installation read, for the start and for doubt: webhooks
// may have been missed for longer than GitHub keeps them. Installations that
// GitHub does not list any more are marked as deleted.
func (s *Syncer) SyncAll(ctx context.Context) error {
	listed := map[int64]bool{}
	var items []queue.Item
	for opts := (&github.ListOptions{PerPage: pageSize}); ; {
		page, resp, err := s.Clients.App().Apps.ListInstallations(ctx, opts)
		if err != nil {
			return fmt.Errorf("list installations: %w", err)
		}
		for _, i := range page {
			if !listed[i.GetID()] {
				listed[i.GetID()] = true
				items = append(items, queue.SyncInstallation{InstallationID: i.GetID()}.Item())
			}
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	known, err := s.Store.Installations(ctx)
	if err != nil {
		return fmt.Errorf("list installations: %w", err)
	}
	// One that is not in the list may have been added to it while it was paged
	// through: its own sync asks for it by id.
	for _, i := range known {
		if !listed[i.ID] && i.State != store.InstallationDeleted {
			items = append(items, queue.SyncInstallation{InstallationID: i.ID}.Item())
		}
	}
	zerolog.Ctx(ctx).Info().Int("installations", len(listed)).Msg("installations listed")
	return s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return s.Queue.Enqueue(ctx, tx, items...)
	})
}

// list pages through what the installation covers. whole is false when fewer
// came than GitHub counts, as happens when the list shifts while it is read:
// nothing is then concluded from an absence.
func (s *Syncer) list(ctx context.Context, id int64, seen store.Millis) (repos []store.Repository, whole bool, err error) {
	client, err := s.Clients.Installation(id)
	if err != nil {
		return nil, false, err
	}
	had := map[int64]bool{}
	for opts := (&github.ListOptions{PerPage: pageSize}); ; {
		page, resp, err := client.Apps.ListRepos(ctx, opts)
		if githubapi.IsDormant(err) {
			// GitHub has just called it active. The error without its chain is
			// retried, where a dormant one would end this job.
			return nil, false, fmt.Errorf("list repositories: no token although the installation is active: %v", err) //nolint:errorlint // see above
		}
		if err != nil {
			return nil, false, fmt.Errorf("list repositories: %w", err)
		}
		for _, r := range page.Repositories {
			if r.GetID() == 0 || r.GetOwner().GetLogin() == "" || r.GetName() == "" || had[r.GetID()] {
				continue
			}
			had[r.GetID()] = true
			repos = append(repos, store.Repository{
				ID: r.GetID(), InstallationID: id, Owner: r.GetOwner().GetLogin(), Name: r.GetName(),
				DefaultBranch: r.GetDefaultBranch(), Private: r.GetPrivate(), Archived: r.GetArchived(), SeenAt: seen,
				ChangedAt: changed(r),
			})
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			return repos, len(repos) >= page.GetTotalCount(), nil
		}
	}
}

// changed is GitHub's updated_at, 0 when the answer lacks it.
func changed(r *github.Repository) store.Millis {
	if r.UpdatedAt == nil {
		return 0
	}
	return store.MillisOf(r.UpdatedAt.Time)
}

func convert(i *github.Installation, now store.Millis) store.Installation {
	state := store.InstallationActive
	if i.SuspendedAt != nil {
		state = store.InstallationSuspended
	}
	permissions, err := json.Marshal(i.GetPermissions()) // a struct of strings
	if err != nil {
		permissions = nil
	}
	return store.Installation{
		ID: i.GetID(), Account: i.GetAccount().GetLogin(), AccountType: i.GetAccount().GetType(),
		Selection: i.GetRepositorySelection(), State: state, Permissions: string(permissions), UpdatedAt: now,
	}
}

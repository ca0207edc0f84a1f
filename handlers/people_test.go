package handlers

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestIssueComment(t *testing.T) {
	written := func(body string) fields {
		return fields{
			"action": "created", "issue.number": 12, "comment.id": 77, "comment.body": body,
			"comment.user.login": "alice", "comment.user.type": "User",
		}
	}
	run := func(body string, pull bool) []queue.Item {
		return []queue.Item{queue.RunCommand{
			Repo: site, Number: 12, CommentID: 77, Author: "alice", Body: body, PullHead: pull, DeliveryID: "guid-1",
		}.Item()}
	}
	const status = "/redundancy status"
	rows{
		"in an issue":        {written(status), run(status, false)},
		"in a pull request":  {but(written(status), fields{"issue.pull_request": map[string]any{"url": "x"}}), run(status, true)},
		"unknown command":    {written("/redundancy dance"), run("/redundancy dance", false)},
		"edited":             {but(written(status), fields{"action": "edited"}), nil},
		"deleted":            {but(written(status), fields{"action": "deleted"}), nil},
		"by a bot":           {but(written(status), fields{"comment.user.type": "Bot"}), nil},
		"by a bot's name":    {but(written(status), fields{"comment.user.login": "redundancy[bot]"}), nil},
		"sent by a bot":      {but(written(status), fields{"sender.type": "Bot"}), nil},
		"by a deleted user":  {but(written(status), fields{"comment.user": nil}), nil},
		"no command":         {written("see /redundancy status"), nil},
		"in a quote":         {written("> /redundancy status\n\nno"), nil},
		"body null":          {but(written(status), fields{"comment.body": nil}), nil},
		"no number":          {but(written(status), fields{"issue": nil}), nil},
		"no comment":         {but(written(status), fields{"comment": nil}), nil},
		"pull request null":  {but(written(status), fields{"issue.pull_request": nil}), run(status, false)},
		"issue number is -1": {but(written(status), fields{"issue.number": -1}), nil},
	}.run(t, "issue_comment", nil)
}

func TestInstallation(t *testing.T) {
	sync := []queue.Item{queue.SyncInstallation{InstallationID: 7, DeliveryID: "guid-1"}.Item()}
	with := func(action string) fields { return fields{"action": action, "repository": nil} }
	rows{
		"created":     {with("created"), sync},
		"deleted":     {with("deleted"), sync},
		"suspend":     {with("suspend"), sync},
		"unsuspend":   {with("unsuspend"), sync},
		"permissions": {with("new_permissions_accepted"), sync},
		"unknown":     {with("renamed"), nil},
		"without id":  {but(with("created"), fields{"installation.id": nil}), nil},
	}.run(t, "installation", nil)
	rows{
		"added":     {with("added"), sync},
		"removed":   {with("removed"), sync},
		"unknown":   {with("swapped"), nil},
		"list null": {but(with("removed"), fields{"repositories_removed": nil}), sync},
	}.run(t, "installation_repositories", nil)
}

// TestWhatIsGoneIsForgottenAtOnce looks at what the handlers write themselves.
func TestWhatIsGoneIsForgottenAtOnce(t *testing.T) {
	type state struct {
		Installation store.InstallationState
		Covered      []string
		Configured   []string
	}
	all := []string{"shop", "site"}
	for name, tc := range map[string]struct {
		event  string
		fields fields
		want   state
	}{
		"suspend": {"installation", fields{"action": "suspend"}, state{store.InstallationSuspended, all, all}},
		"deleted": {"installation", fields{"action": "deleted"}, state{store.InstallationDeleted, nil, nil}},
		"created": {"installation", fields{"action": "created"}, state{store.InstallationActive, all, all}},
		"removed": {"installation_repositories", fields{"action": "removed", "repositories_removed": []any{
			map[string]any{"id": 42}, map[string]any{"id": 999}, nil,
		}}, state{store.InstallationActive, []string{"shop"}, []string{"shop"}}},
		"added lists no removal": {"installation_repositories", fields{"action": "added", "repositories_removed": []any{
			map[string]any{"id": 42},
		}}, state{store.InstallationActive, all, all}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			repos := []store.Repository{
				{ID: 42, InstallationID: 7, Owner: "acme", Name: "site", SeenAt: 1},
				{ID: 43, InstallationID: 7, Owner: "acme", Name: "shop", SeenAt: 1},
			}
			b.write(t, func(ctx context.Context, tx *store.Tx) error {
				for _, r := range repos {
					if err := tx.SaveRepositoryConfig(ctx, store.RepositoryConfig{RepoID: r.ID, InstallationID: 7, Owner: "acme", Name: r.Name}); err != nil {
						return err
					}
				}
				if _, err := store.SaveRepositories(ctx, tx, repos); err != nil {
					return err
				}
				_, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: 7, Account: "acme", State: store.InstallationActive})
				return err
			})
			b.send(t, tc.event, example(t, tc.event, fields{"installation.id": 7}, tc.fields))

			var got state
			inst, _, err := b.store.Installation(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			got.Installation = inst.State
			covered, err := b.store.Repositories(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range covered {
				got.Covered = append(got.Covered, r.Name)
			}
			for _, r := range []store.Repository{repos[1], repos[0]} {
				if _, ok, err := b.store.RepositoryConfig(t.Context(), r.ID); err != nil {
					t.Fatal(err)
				} else if ok {
					got.Configured = append(got.Configured, r.Name)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

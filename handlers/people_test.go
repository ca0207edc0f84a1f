package handlers

import (
	"testing"

	"github.com/redundancy-app/redundancy/queue"
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
	list := []any{
		map[string]any{"id": 42, "name": "site", "full_name": "acme/site"},
		map[string]any{"id": 0, "name": "broken", "full_name": "acme/broken"},
	}
	sync := queue.SyncInstallation{InstallationID: 7, DeliveryID: "guid-1"}.Item()
	with := func(action string) fields {
		return fields{"action": action, "repository": nil, "repositories": list, "repositories_added": list}
	}
	rows{
		"created":     {with("created"), []queue.Item{sync, load(site)}},
		"deleted":     {with("deleted"), []queue.Item{sync}},
		"suspend":     {with("suspend"), []queue.Item{sync}},
		"unsuspend":   {with("unsuspend"), []queue.Item{sync}},
		"permissions": {with("new_permissions_accepted"), []queue.Item{sync}},
		"unknown":     {with("renamed"), nil},
		"without id":  {but(with("created"), fields{"installation.id": nil}), nil},
	}.run(t, "installation", nil)
	rows{
		"added":     {with("added"), []queue.Item{sync, load(site)}},
		"removed":   {but(with("removed"), fields{"repositories_added": nil}), []queue.Item{sync}},
		"unknown":   {with("swapped"), nil},
		"list null": {but(with("added"), fields{"repositories_added": nil}), []queue.Item{sync}},
	}.run(t, "installation_repositories", nil)
}

package githubtest

import "strings"

// access says who may call an operation.
type access int

const (
	byInstallation access = iota // an installation token with the permission
	byApp                        // the App's JWT
	byAnyone
)

// rule is what an operation asks for. need lists alternatives such as "issues=write|pull_requests=write"; one is enough.
type rule struct {
	access access
	need   string
}

// rules follow docs.github.com "Permissions required for GitHub Apps"
// (github/docs src/github-apps/data/fpt-2022-11-28/server-to-server-permissions.json).
var rules = func() map[string]rule {
	m := map[string]rule{}
	for _, id := range strings.Fields(`apps/get-authenticated apps/list-installations apps/get-installation
		apps/create-installation-access-token apps/get-repo-installation apps/get-org-installation apps/get-user-installation
		apps/get-webhook-config-for-app apps/update-webhook-config-for-app apps/list-webhook-deliveries
		apps/get-webhook-delivery apps/redeliver-webhook-delivery`) {
		m[id] = rule{access: byApp}
	}
	for _, id := range strings.Fields("meta/get meta/root meta/get-zen rate-limit/get apps/create-from-manifest") {
		m[id] = rule{access: byAnyone}
	}
	for need, ids := range map[string]string{
		"metadata=read": `repos/get repos/get-collaborator-permission-level apps/list-repos-accessible-to-installation
			apps/revoke-installation-access-token users/get-by-username`,
		"contents=read": `repos/get-content git/get-tree git/get-blob git/get-commit git/get-ref git/list-matching-refs repos/get-commit
			repos/list-commits repos/compare-commits-with-basehead repos/compare-commits repos/list-branches
			repos/download-tarball-archive repos/download-zipball-archive`,
		"contents=write":                   `repos/create-dispatch-event`,
		"contents=read|pull_requests=read": `repos/list-pull-requests-associated-with-commit`,
		"checks=read":                      `checks/get checks/list-annotations checks/list-for-suite checks/list-for-ref checks/get-suite checks/list-suites-for-ref`,
		"checks=write":                     `checks/create checks/update checks/rerequest-run checks/rerequest-suite checks/create-suite checks/set-suites-preferences`,
		"issues=write":                     `issues/create`,
		"issues=read|pull_requests=read":   `issues/get issues/list-comments issues/get-comment reactions/list-for-issue-comment`,
		"issues=write|pull_requests=write": `issues/create-comment issues/update-comment issues/delete-comment reactions/create-for-issue-comment reactions/create-for-issue`,
		"pull_requests=read":               `pulls/list pulls/get pulls/list-files`,
		"pull_requests=write":              `pulls/create`,
		"actions=read": `actions/list-repo-workflows actions/get-workflow actions/list-workflow-runs actions/list-workflow-runs-for-repo
			actions/get-workflow-run actions/get-workflow-run-attempt actions/list-jobs-for-workflow-run
			actions/list-jobs-for-workflow-run-attempt actions/get-job-for-workflow-run actions/download-job-logs-for-workflow-run
			actions/download-workflow-run-logs actions/list-workflow-run-artifacts`,
		"actions=write": `actions/create-workflow-dispatch actions/enable-workflow actions/disable-workflow actions/re-run-workflow
			actions/re-run-workflow-failed-jobs actions/re-run-job-for-workflow-run actions/cancel-workflow-run
			actions/force-cancel-workflow-run`,
	} {
		for _, id := range strings.Fields(ids) {
			m[id] = rule{need: need}
		}
	}
	return m
}()

var levels = map[string]int{"read": 1, "write": 2, "admin": 3}

func allowed(need string, have map[string]string) bool {
	if need == "" {
		return true
	}
	for alternative := range strings.SplitSeq(need, "|") {
		permission, level, _ := strings.Cut(alternative, "=")
		got := levels[have[permission]]
		if permission == "metadata" { // every App has it
			got = max(got, 1)
		}
		if got >= levels[level] {
			return true
		}
	}
	return false
}

// eventNeeds is the permission without which GitHub does not send an event, from the webhook descriptions.
var eventNeeds = map[string]string{
	"check_run": "checks=read", "check_suite": "checks=read", "workflow_run": "actions=read", "workflow_job": "actions=read",
	"push": "contents=read", "create": "contents=read", "delete": "contents=read", "repository_dispatch": "contents=read",
	"workflow_dispatch": "contents=read", "pull_request": "pull_requests=read", "issues": "issues=read", "issue_comment": "issues=read|pull_requests=read",
}

// receives tells whether GitHub sends an event to an installation: those about the installation always, check events
// whenever the App may write checks, the others by subscription and permission.
func (i *installation) receives(event, action string) bool {
	switch event {
	case "installation", "installation_repositories", "ping":
		return true
	}
	if i.suspended != "" || !allowed(eventNeeds[event], i.permissions) {
		return false
	}
	if event == "check_run" || event == "check_suite" {
		if i.permissions["checks"] == "write" {
			return true
		}
		if action == "requested" || action == "rerequested" || action == "requested_action" {
			return false
		}
	}
	for _, e := range i.events {
		if e == event {
			return true
		}
	}
	return false
}

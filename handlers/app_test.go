package handlers

import (
	"os"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// uses lists what the App does on GitHub and the permission that it takes
// ("Permissions required for GitHub Apps" in GitHub's documentation, and the
// descriptions of the webhooks). Nothing may be asked for without a row here.
var uses = []struct{ permission, level, why string }{
	{"metadata", "read", "repositories of an installation: GET /installation/repositories"},
	{"metadata", "read", "who may command: GET /repos/{owner}/{repo}/collaborators/{username}/permission"},
	{"contents", "read", "events push and repository_dispatch"},
	{"contents", "read", "trees, blobs and commits of workflows and configuration"},
	{"contents", "write", "step repository_dispatch: POST /repos/{owner}/{repo}/dispatches, for which there is no smaller permission"},
	{"checks", "write", "Check Runs, and their events rerequested and requested_action"},
	{"actions", "read", "event workflow_run; runs and jobs"},
	{"actions", "write", "steps rerun and dispatch"},
	{"issues", "read", "event issue_comment"},
	{"issues", "write", "reactions and the reply to a command in an issue"},
	{"pull_requests", "read", "event pull_request; head of a pull request for /redundancy validate"},
	// GitHub's documentation takes either this or issues:write, but in practice
	// a comment on a pull request wants this one.
	{"pull_requests", "write", "reactions and the reply to a command in a pull request"},
}

var levels = map[string]int{"read": 1, "write": 2, "admin": 3}

// alwaysSent are the events that every App gets and cannot subscribe to.
var alwaysSent = []string{"installation", "installation_repositories"}

func TestAppAsksForWhatIsUsed(t *testing.T) {
	data, err := os.ReadFile("../app.yml")
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		Name        string
		URL         string
		Description string
		Public      bool
		Hook        struct {
			URL    string
			Active bool
		} `yaml:"hook_attributes"`
		Permissions map[string]string `yaml:"default_permissions"`
		Events      []string          `yaml:"default_events"`
	}
	if err := yaml.UnmarshalWithOptions(data, &app, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if app.Name == "" || app.URL == "" || app.Hook.URL == "" || !app.Hook.Active || app.Public {
		t.Errorf("a manifest needs a name, a url and a hook, and must not be public: %+v", app)
	}

	want := map[string]string{}
	for _, u := range uses {
		if levels[u.level] > levels[want[u.permission]] {
			want[u.permission] = u.level
		}
	}
	if diff := cmp.Diff(want, app.Permissions); diff != "" {
		t.Errorf("default_permissions (-used +asked for):\n%s", diff)
	}

	var events []string
	for _, h := range All(Config{}) {
		for _, event := range h.Handles() {
			if !slices.Contains(alwaysSent, event) {
				events = append(events, event)
			}
		}
	}
	slices.Sort(events)
	if diff := cmp.Diff(events, app.Events); diff != "" {
		t.Errorf("default_events (-handled +subscribed):\n%s", diff)
	}
}

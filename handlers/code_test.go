package handlers

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func validate(again bool) []queue.Item {
	return []queue.Item{queue.ValidateCommit{Repo: site, SHA: sha, DeliveryID: "guid-1", Again: again}.Item()}
}

func load(repo queue.Repo) queue.Item {
	return queue.LoadConfig{Repo: repo, DeliveryID: "guid-1"}.Item()
}

func expect(repo queue.Repo) queue.Item {
	return queue.ExpectRun{Repo: repo, Branch: "main", SHA: sha, PushedAt: 1557933657000, DeliveryID: "guid-1"}.Item()
}

// pushed is an ordinary push to a branch that changes the given files.
func pushed(branch string, files ...string) fields {
	return fields{
		"ref": "refs/heads/" + branch, "after": sha, "forced": false, "created": false, "deleted": false,
		"commits": []any{map[string]any{"id": sha, "added": []string{}, "removed": []string{}, "modified": files}},
	}
}

func but(base, change fields) fields {
	out := fields{}
	for _, layer := range []fields{base, change} {
		for k, v := range layer {
			out[k] = v
		}
	}
	return out
}

func TestPush(t *testing.T) {
	plain := append(validate(false), expect(site))
	both := append(plain, load(site))
	many := make([]any, maxPushCommits)
	for i := range many {
		many[i] = map[string]any{"modified": []string{"README.md"}}
	}
	commits := func(list ...any) fields { return but(pushed("main"), fields{"commits": list}) }
	files := func(key string, n int) any {
		return map[string]any{key: strings.Split(strings.Repeat("a,", n-1)+"a", ",")}
	}
	rows{
		"topic branch":                {pushed("topic", ".github/redundancy.yml"), validate(false)},
		"at no moment":                {but(pushed("main", "README.md"), fields{"repository.pushed_at": nil}), append(validate(false), queue.ExpectRun{Repo: site, Branch: "main", SHA: sha, DeliveryID: "guid-1"}.Item())},
		"default branch, other files": {pushed("main", "README.md", "src/.github/workflows.go"), plain},
		"configuration":               {pushed("main", ".github/redundancy.yml"), both},
		"original's configuration":    {pushed("main", "automation/redundancy-config.json"), both},
		"workflow":                    {pushed("main", ".github/workflows/x.yml"), both},
		"removed workflow":            {commits(map[string]any{"removed": []string{".github/workflows/x.yml"}}), both},
		"added in an earlier commit":  {commits(map[string]any{"added": []string{".github/workflows/x.yml"}}, files("modified", 1)), both},
		"forced":                      {but(pushed("main", "README.md"), fields{"forced": true}), both},
		"new default branch":          {but(pushed("main", "README.md"), fields{"created": true}), append(validate(false), load(site))},
		"no commits listed":           {commits(), both},
		"commits null":                {but(pushed("main"), fields{"commits": nil}), both},
		"commit without files":        {commits(map[string]any{}), both},
		"list of commits is cut":      {commits(many...), both},
		"one below the cut":           {commits(many[1:]...), plain},
		"list of files is cut":        {commits(files("added", maxCommitFiles)), both},
		"files one below the cut":     {commits(files("added", maxCommitFiles-1)), plain},
		"branch with slashes":         {pushed("release/main", ".github/redundancy.yml"), validate(false)},
		"tag":                         {but(pushed("main"), fields{"ref": "refs/tags/main"}), nil},
		"deleted":                     {but(pushed("main"), fields{"deleted": true, "after": strings.Repeat("0", 40)}), nil},
		"deleted, only by its zeros":  {but(pushed("main"), fields{"after": strings.Repeat("0", 40)}), nil},
		"deleted, SHA-256":            {but(pushed("main"), fields{"after": strings.Repeat("0", 64)}), nil},
		"not a commit":                {but(pushed("main"), fields{"after": "../../etc"}), nil},
		"owner by name only":          {but(pushed("topic"), fields{"repository.full_name": "", "repository.owner": map[string]any{"name": "acme"}}), validate(false)},
	}.run(t, "push", nil)
}

// Which pushes to the default branch are expected to start runs.
func TestPushThatStartsRuns(t *testing.T) {
	with := func(message string) fields {
		return but(pushed("main", "README.md"), fields{"head_commit": map[string]any{"id": sha, "message": message}})
	}
	quiet, loud := validate(false), append(validate(false), expect(site))
	rows{
		"a message":               {with("fix: skip the ci once"), loud},
		"[skip ci]":               {with("docs [skip ci]"), quiet},
		"[ci skip]":               {with("docs\n\n[CI SKIP]"), quiet},
		"[no ci]":                 {with("[no ci] docs"), quiet},
		"[skip actions]":          {with("[skip actions]"), quiet},
		"[actions skip]":          {with("[actions skip]"), quiet},
		"a trailer":               {with("docs\n\n\nskip-checks: true"), quiet},
		"a trailer without space": {with("docs\n\n\nskip-checks:true\n"), quiet},
		"a trailer that says no":  {with("docs\n\n\nskip-checks: false"), loud},
		"no trailer":              {with("docs: skip-checks: true is how"), loud},
		"in an earlier commit": {but(pushed("main"), fields{"commits": []any{
			map[string]any{"message": "[skip ci]", "modified": []string{"a"}}, map[string]any{"message": "more", "modified": []string{"a"}},
		}}), quiet},
		"by a workflow's token":       {but(pushed("main", "README.md"), fields{"sender.login": "github-actions[bot]"}), quiet},
		"by a workflow's token, name": {but(pushed("main", "README.md"), fields{"pusher": map[string]any{"name": "github-actions[bot]"}}), quiet},
		"by another bot":              {but(pushed("main", "README.md"), fields{"sender.login": "dependabot[bot]"}), loud},
		"topic branch":                {pushed("topic", "README.md"), quiet},
	}.run(t, "push", nil)
}

func TestPushToOwnerDefaults(t *testing.T) {
	defaults := queue.Repo{InstallationID: 7, ID: 50, Owner: "acme", Name: ".github"}
	shop := queue.Repo{InstallationID: 7, ID: 43, Owner: "acme", Name: "shop"}
	toDefaults := fields{"repository.id": 50, "repository.name": ".github", "repository.full_name": "acme/.github"}
	check := queue.ValidateCommit{Repo: defaults, SHA: sha, DeliveryID: "guid-1"}.Item()
	rows{
		"owner default":        {but(toDefaults, pushed("main", ".github/redundancy.yml")), []queue.Item{check, expect(defaults), load(defaults), load(site), load(shop)}},
		"its own workflow":     {but(toDefaults, pushed("main", ".github/workflows/x.yml")), []queue.Item{check, expect(defaults), load(defaults)}},
		"another of its files": {but(toDefaults, pushed("main", "profile/README.md")), []queue.Item{check, expect(defaults)}},
		"another branch":       {but(toDefaults, pushed("topic", ".github/redundancy.yml")), []queue.Item{check}},
	}.run(t, "push", func(t *testing.T, b *bench) {
		b.write(t, func(ctx context.Context, tx *store.Tx) error {
			for source, repos := range map[string][]queue.Repo{
				"own": {{InstallationID: 7, ID: 44, Owner: "acme", Name: "own"}}, "owner": {site}, "none": {shop, defaults},
				"original": {{InstallationID: 8, ID: 45, Owner: "other", Name: "site"}},
			} {
				for _, r := range repos {
					row := store.RepositoryConfig{RepoID: r.ID, InstallationID: r.InstallationID, Owner: r.Owner, Name: r.Name, Source: source}
					if err := tx.SaveRepositoryConfig(ctx, row); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}

func TestCheckSuite(t *testing.T) {
	suite := func(action string, app int64, head string) fields {
		return fields{"action": action, "check_suite.app.id": app, "check_suite.head_sha": head, "check_suite.head_branch": nil}
	}
	rows{
		"requested":          {suite("requested", appID, sha), validate(false)},
		"rerequested":        {suite("rerequested", appID, sha), validate(true)},
		"completed":          {suite("completed", appID, sha), nil},
		"of another App":     {suite("rerequested", 15368, sha), nil},
		"without App":        {but(suite("requested", appID, sha), fields{"check_suite.app": nil}), nil},
		"without commit":     {suite("requested", appID, ""), nil},
		"null suite":         {fields{"action": "requested", "check_suite": nil}, nil},
		"of a fork's commit": {but(suite("requested", appID, sha), fields{"check_suite.pull_requests": []any{}}), validate(false)},
	}.run(t, "check_suite", nil)
}

func TestPullRequest(t *testing.T) {
	pull := func(action string) fields { return fields{"action": action, "pull_request.head.sha": sha} }
	rows{
		"opened":            {pull("opened"), validate(false)},
		"synchronize":       {pull("synchronize"), validate(false)},
		"reopened":          {pull("reopened"), validate(false)},
		"closed":            {pull("closed"), nil},
		"labeled":           {pull("labeled"), nil},
		"from a lost fork":  {but(pull("opened"), fields{"pull_request.head.repo": nil}), validate(false)},
		"without commit":    {but(pull("opened"), fields{"pull_request.head.sha": nil}), nil},
		"null pull request": {fields{"action": "opened", "pull_request": nil}, nil},
	}.run(t, "pull_request", nil)
}

func TestRedeliveryEnqueuesTheSameKeys(t *testing.T) {
	b := newBench(t)
	payload := example(t, "push", addressed, pushed("main", ".github/redundancy.yml"))
	first := b.send(t, "push", payload)
	if diff := cmp.Diff(first, b.send(t, "push", payload)); diff != "" {
		t.Errorf("second handling differs (-first +second):\n%s", diff)
	}
	for _, item := range first {
		if item.Options.Unique == "" {
			t.Errorf("%s has no unique key", item.Args.Kind())
		}
	}
}

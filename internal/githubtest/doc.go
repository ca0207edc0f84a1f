// Package githubtest is a stateful double of GitHub for the tests and for `redundancy demo`.
//
// It is a real HTTP server on a loopback port. Repository content comes from real bare git repositories; check runs,
// workflow runs, comments, installations and webhook deliveries are state that the App changes through the REST API
// and that a test changes in place of people and of GitHub Actions. Every request and every answer is checked against
// GitHub's own OpenAPI description, a cut of which is embedded: what GitHub would refuse is refused here, and
// [Server.Violations] names every call that GitHub does not describe, misspelt fields included.
//
//	gh, err := githubtest.Start(githubtest.Config{})
//	defer gh.Close()
//	repo, err := gh.AddRepo("acme", "site", map[string]string{".github/workflows/ci.yml": workflow})
//	gh.SetHook("http://127.0.0.1:8080/api/github/hook") // webhooks go there, signed with gh.Secret()
//	id := gh.Install("acme")
//	// point the App at gh.URL() (also as gh.URL()+"/api/v3/") with gh.AppID and gh.PrivateKeyPEM()
//	sha, err := repo.Push("main", map[string]string{"a.go": "package a\n"}, "add a") // push, check_suite.requested
//	err = gh.Wait(ctx, func() bool { return len(repo.CheckRuns(sha)) == 1 })           // no sleeping
//	if v := gh.Violations(); len(v) > 0 { t.Error(v) }
//
// The package does not import testing, so that the demo can use it.
package githubtest

package githubtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// A test of the App: a push arrives as a webhook, the App answers with a check run through the REST API.
func Example() {
	ctx := context.Background()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gh.Close()
	repo, err := gh.AddRepo("acme", "site", map[string]string{".github/workflows/ci.yml": "on: push\njobs: {}\n"})
	if err != nil {
		fmt.Println(err)
		return
	}

	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := github.ValidatePayload(r, []byte(gh.Secret()))
		fmt.Println("webhook", r.Header.Get("X-GitHub-Event"), err)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer app.Close()
	gh.SetHook(app.URL)
	id := gh.Install("acme")

	network := &http.Transport{}
	defer network.CloseIdleConnections()
	installation, err := ghinstallation.New(network, gh.AppID, id, gh.PrivateKeyPEM())
	if err != nil {
		fmt.Println(err)
		return
	}
	installation.BaseURL = gh.URL()
	client, err := github.NewClient(&http.Client{Transport: installation}).WithEnterpriseURLs(gh.URL(), gh.URL())
	if err != nil {
		fmt.Println(err)
		return
	}

	sha, err := repo.Push("main", map[string]string{"a.go": "package a\n"}, "add a")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = client.Checks.CreateCheckRun(ctx, "acme", "site", github.CreateCheckRunOptions{Name: "redundancy / validate", HeadSHA: sha, Conclusion: github.String("success")})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := gh.Settle(ctx); err != nil {
		fmt.Println(err)
	}
	run, _ := repo.CheckRun(sha, "redundancy / validate")
	fmt.Println(run.Name, run.Status, run.Conclusion, gh.Count("checks/create"), gh.Violations())
	// Output:
	// webhook installation <nil>
	// webhook push <nil>
	// webhook check_suite <nil>
	// webhook check_run <nil>
	// webhook check_run <nil>
	// webhook check_suite <nil>
	// redundancy / validate completed success 1 []
}

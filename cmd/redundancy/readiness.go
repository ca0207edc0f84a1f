package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi/statuspage"
)

// stuckAfter is how long a job may be ready without being taken. The queue
// takes one within milliseconds unless all workers are busy.
const stuckAfter = 5 * time.Minute

// readiness are the conditions of /readyz, as the contract names them.
func (a *App) readiness() []api.Check {
	return []api.Check{
		{Name: "database", Run: func(ctx context.Context) error {
			var one int
			if err := a.store.Read().NewRaw("SELECT 1").Scan(ctx, &one); err != nil {
				return fmt.Errorf("it does not answer: %s; the server's log has more", plain(err))
			}
			return nil
		}},
		{Name: "queue", Run: func(ctx context.Context) error {
			st, err := a.queue.Stats(ctx)
			if err != nil {
				return err
			}
			if age := a.clock.Since(st.OldestReady); !st.OldestReady.IsZero() && age > stuckAfter {
				return fmt.Errorf("a job is ready since %s and nobody takes it", age.Round(time.Second))
			}
			return nil
		}},
		{Name: "key", Run: func(context.Context) error {
			if err := a.identity.Err(); refusesKey(err) {
				return errors.New("GitHub refuses the App's key or id: check GITHUB_APP_INTEGRATION_ID and GITHUB_APP_PRIVATE_KEY")
			}
			return nil
		}},
		{Name: "github", Run: func(context.Context) error {
			err := a.identity.Err()
			if refusesKey(err) {
				err = nil // it answers
			}
			if err = errors.Join(err, a.clients.Reachable()); err != nil {
				return errors.New(plain(err))
			}
			return nil
		}},
		// An outage of GitHub's is no reason to stop this server: it is what it is for.
		{Name: "upstream", Run: func(context.Context) error { return nil }, Note: a.engine.Trouble},
	}
}

func refusesKey(err error) bool {
	var answer *github.ErrorResponse
	return errors.As(err, &answer) && answer.Response != nil &&
		(answer.Response.StatusCode == http.StatusUnauthorized || answer.Response.StatusCode == http.StatusNotFound)
}

// statusPage is what reads GitHub's public status page; nil when it is not to be asked.
func statusPage(url string) (fallback.StatusPage, error) {
	if url == "" {
		return nil, nil
	}
	return statuspage.New(url)
}

package githubapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v62/github"
)

// RepoPath is where GitHub's API has something of a repository, relative to
// its base: RepoPath("acme", "site", "actions", "runs") is
// "repos/acme/site/actions/runs". Each part is escaped: none of them can lead
// to another place.
func RepoPath(owner, name string, parts ...string) string {
	var b strings.Builder
	b.WriteString("repos")
	for _, part := range append([]string{owner, name}, parts...) {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// Get reads what go-github has no type or no method for. where is relative to
// the API's base, as of [RepoPath], with a query if need be. The response is
// there with an error, too, when GitHub has answered at all.
func Get(ctx context.Context, client *github.Client, where string, into any) (*github.Response, error) {
	req, err := client.NewRequest(http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(ctx, req, into)
}

// Send asks for an effect that takes no body and whose answer says nothing but
// whether it was taken. The error's [Outcome] tells whether it may have happened.
func Send(ctx context.Context, client *github.Client, method, where string) error {
	req, err := client.NewRequest(method, where, nil)
	if err != nil {
		return err
	}
	if _, err = client.Do(ctx, req, nil); IsAccepted(err) {
		return nil
	}
	return err
}

package commands

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

const refusal = "Sorry, that needs write access to this repository."

// loginForm bounds what goes into the API's path. Letters, digits and hyphens,
// and the underscore of managed users.
var loginForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

func (c *call) authorised(ctx context.Context) (bool, error) {
	return mayWrite(ctx, c.client, c.args.Repo, c.args.Author)
}

// mayWrite asks for a person's permission at this moment. The
// author_association of the webhook would not do: it says "member" of people
// who may read only, and "contributor" of everybody who once had a change
// merged.
func mayWrite(ctx context.Context, client *github.Client, repo queue.Repo, login string) (bool, error) {
	if !loginForm.MatchString(login) {
		return false, nil
	}
	level, _, err := client.Repositories.GetPermissionLevel(ctx, repo.Owner, repo.Name, login)
	if githubapi.IsNotFound(err) {
		return false, nil // no such user, any more
	}
	if err != nil {
		return false, fmt.Errorf("read permission of %s: %w", login, err)
	}
	// "maintain" is reported as "write", and a custom role as the role that it
	// is built on; the third value only guards against that changing.
	switch level.GetPermission() {
	case "admin", "write", "maintain":
		return true, nil
	}
	return false, nil
}

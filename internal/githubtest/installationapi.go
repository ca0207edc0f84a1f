package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

var installationHandlers = map[string]handler{
	"apps/list-installations": func(c *call) (answer, error) {
		return page(c, c.s.installations, "", c.s.showInstallation), nil
	},
	"apps/get-installation": func(c *call) (answer, error) {
		return c.s.answerInstallation(c.s.installation(number(c.params["installation_id"])))
	},
	"apps/get-repo-installation": func(c *call) (answer, error) {
		r := c.s.repoByName(c.params["owner"], c.params["repo"])
		if r == nil {
			return answer{}, errNotFound
		}
		return c.s.answerInstallation(c.s.installationOf(r))
	},
	"apps/get-org-installation":             installationOfAccount("org"),
	"apps/get-user-installation":            installationOfAccount("username"),
	"apps/create-installation-access-token": createToken,
	"apps/revoke-installation-access-token": func(c *call) (answer, error) {
		delete(c.s.tokens, c.cred.token.text)
		return noContent()
	},
	"apps/list-repos-accessible-to-installation": func(c *call) (answer, error) {
		repos := slices.DeleteFunc(c.s.reposOf(c.s.installation(c.cred.token.installation)), func(r *Repo) bool { return !c.s.sees(c.cred.token, r) })
		return page(c, repos, "repositories", c.s.showRepo), nil
	},
}

func installationOfAccount(parameter string) handler {
	return func(c *call) (answer, error) {
		for _, i := range c.s.installations {
			if strings.EqualFold(i.account, c.params[parameter]) {
				return c.s.answerInstallation(i)
			}
		}
		return answer{}, errNotFound
	}
}

func (s *Server) answerInstallation(i *installation) (answer, error) {
	if i == nil {
		return answer{}, errNotFound
	}
	return ok(s.showInstallation(i))
}

func createToken(c *call) (answer, error) {
	i := c.s.installation(number(c.params["installation_id"]))
	if i == nil {
		return answer{}, errNotFound
	}
	if i.suspended != "" {
		return answer{}, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var permissions map[string]string
	if asked, ok := c.body["permissions"].(object); ok {
		permissions = map[string]string{"metadata": "read"}
		for k, v := range asked {
			level, _ := v.(string)
			if levels[i.permissions[k]] < levels[level] {
				return answer{}, refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			}
			permissions[k] = level
		}
	}
	repos, err := c.s.askedRepositories(c, i)
	if err != nil {
		return answer{}, err
	}
	classic := c.s.cfg.ClassicTokens
	switch c.r.Header.Get("X-GitHub-Stateless-S2S-Token") {
	case "enabled":
		classic = false
	case "disabled":
		classic = true
	}
	t := c.s.issueToken(i, permissions, repos, classic)
	o := object{"token": t.text, "expires_at": stamp(t.expires), "permissions": permissionsObject(t.permissions), "repository_selection": "all"}
	if !i.all || repos != nil {
		o["repository_selection"] = "selected"
	}
	if repos != nil {
		shown := []any{}
		for _, r := range c.s.reposOf(i) {
			if repos[r.ID] {
				shown = append(shown, c.s.showRepo(r))
			}
		}
		o["repositories"] = shown
	}
	return created(o)
}

// askedRepositories reads the repositories that a token shall be limited to; nil is no limit.
func (s *Server) askedRepositories(c *call, i *installation) (map[int64]bool, error) {
	names, _ := c.body["repositories"].([]any)
	ids, _ := c.body["repository_ids"].([]any)
	if len(names)+len(ids) == 0 {
		return nil, nil
	}
	out := map[int64]bool{}
	for _, r := range s.reposOf(i) {
		if slices.ContainsFunc(names, func(n any) bool { name, _ := n.(string); return strings.EqualFold(name, r.name) }) || slices.Contains(ids, any(float64(r.ID))) {
			out[r.ID] = true
		}
	}
	if len(out) < len(names)+len(ids) {
		return nil, refuse(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	return out, nil
}

// number reads a path parameter that the description has already found to be an integer.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type installation struct {
	id          int64
	account     string
	all         bool           // all repositories of the account, present and future
	repos       map[int64]bool // else these
	permissions map[string]string
	events      []string
	created     string
	suspended   string // when, "" for not
}

// InstallOption narrows an installation.
type InstallOption func(*installation)

// OnlyRepositories installs the App on these repositories instead of all of the account.
func OnlyRepositories(repos ...*Repo) InstallOption {
	return func(i *installation) {
		i.all = false
		for _, r := range repos {
			i.repos[r.ID] = true
		}
	}
}

// WithPermissions grants an installation less or more than the App asks for, as before an owner accepts new permissions.
func WithPermissions(p map[string]string) InstallOption {
	return func(i *installation) { i.permissions = maps.Clone(p) }
}

// Install installs the App on an account and sends installation.created. It returns the installation's id.
func (s *Server) Install(owner string, options ...InstallOption) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(owner, "Organization")
	i := &installation{id: s.newID(), account: owner, all: true, repos: map[int64]bool{}, permissions: maps.Clone(s.cfg.Permissions), events: slices.Clone(s.cfg.Events), created: s.now()}
	for _, o := range options {
		o(i)
	}
	s.installations = append(s.installations, i)
	s.emitInstallation(i, "created", true)
	return i.id
}

// Suspend stops an installation: its tokens are refused and it gets no more events.
func (s *Server) Suspend(id int64) error {
	return s.changeInstallation(id, "suspend", func(i *installation) { i.suspended = s.now() })
}

// Unsuspend lets an installation work again.
func (s *Server) Unsuspend(id int64) error {
	return s.changeInstallation(id, "unsuspend", func(i *installation) { i.suspended = "" })
}

// Uninstall removes an installation and what it could see.
func (s *Server) Uninstall(id int64) error {
	return s.changeInstallation(id, "deleted", func(i *installation) {
		s.installations = slices.DeleteFunc(s.installations, func(x *installation) bool { return x == i })
	})
}

func (s *Server) changeInstallation(id int64, action string, f func(*installation)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installation(id)
	if i == nil {
		return fmt.Errorf("%s installation %d: it does not exist", action, id)
	}
	f(i)
	s.emitInstallation(i, action, true)
	return nil
}

// AddRepositories gives an installation more repositories and sends installation_repositories.added.
func (s *Server) AddRepositories(id int64, repos ...*Repo) error {
	return s.moveRepositories(id, "added", repos)
}

// RemoveRepositories takes repositories away from an installation and sends installation_repositories.removed.
func (s *Server) RemoveRepositories(id int64, repos ...*Repo) error {
	return s.moveRepositories(id, "removed", repos)
}

func (s *Server) moveRepositories(id int64, action string, repos []*Repo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installation(id)
	if i == nil {
		return fmt.Errorf("change repositories of installation %d: it does not exist", id)
	}
	if i.all {
		for _, r := range s.reposOf(i) {
			i.repos[r.ID] = true
		}
		i.all = false
	}
	changed := []any{}
	for _, r := range repos {
		if action == "added" {
			i.repos[r.ID] = true
		} else {
			delete(i.repos, r.ID)
		}
		changed = append(changed, s.briefRepo(r))
	}
	p := object{"installation": s.showInstallation(i), "repository_selection": "selected", "repositories_added": []any{}, "repositories_removed": []any{}, "requester": nil}
	p["repositories_"+action] = changed
	s.emit(i, nil, "installation_repositories", action, "octocat", p)
	return nil
}

func (s *Server) emitInstallation(i *installation, action string, withRepos bool) {
	p := object{"installation": s.showInstallation(i), "requester": nil}
	if withRepos {
		repos := []any{}
		for _, r := range s.reposOf(i) {
			repos = append(repos, s.briefRepo(r))
		}
		p["repositories"] = repos
	}
	s.emit(i, nil, "installation", action, "octocat", p)
}

func (s *Server) installation(id int64) *installation {
	for _, i := range s.installations {
		if i.id == id {
			return i
		}
	}
	return nil
}

func (i *installation) covers(r *Repo) bool {
	return strings.EqualFold(i.account, r.owner) && (i.all || i.repos[r.ID])
}

func (s *Server) installationOf(r *Repo) *installation {
	for _, i := range s.installations {
		if i.covers(r) {
			return i
		}
	}
	return nil
}

func (s *Server) reposOf(i *installation) []*Repo {
	var out []*Repo
	for _, r := range s.byID {
		if i.covers(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *Repo) int { return int(a.ID - b.ID) })
	return out
}

func (s *Server) sees(t *token, r *Repo) bool {
	i := s.installation(t.installation)
	return i != nil && i.covers(r) && (t.repos == nil || t.repos[r.ID])
}

func (s *Server) showInstallation(i *installation) object {
	selection := "selected"
	if i.all {
		selection = "all"
	}
	account := s.showUser(i.account)
	o := object{
		"id": i.id, "client_id": s.clientID(), "account": account, "repository_selection": selection, "app_id": s.AppID, "app_slug": s.cfg.AppSlug,
		"access_tokens_url": fmt.Sprintf("%s/app/installations/%d/access_tokens", s.base, i.id), "repositories_url": s.base + "/installation/repositories",
		"html_url": fmt.Sprintf("%s/settings/installations/%d", s.base, i.id), "target_id": account["id"], "target_type": account["type"],
		"permissions": permissionsObject(i.permissions), "events": stringsAny(i.events), "created_at": i.created, "updated_at": i.created,
		"suspended_at": nil, "suspended_by": nil,
	}
	if i.suspended != "" {
		o["suspended_at"], o["suspended_by"] = i.suspended, s.showUser("octocat")
	}
	return s.desc.rest.complete("installation", o)
}

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

package githubtest

import (
	"fmt"
	"maps"
	"slices"
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

// AcceptPermissions gives an installation other permissions and sends installation.new_permissions_accepted. Tokens
// issued before keep theirs.
func (s *Server) AcceptPermissions(id int64, permissions map[string]string) error {
	return s.changeInstallation(id, "new_permissions_accepted", func(i *installation) { i.permissions = maps.Clone(permissions) })
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

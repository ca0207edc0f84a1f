package githubtest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

type user struct {
	id    int64
	login string
	kind  string // User, Organization or Bot
}

// AddUser makes a person known to GitHub. Organizations need no call: the owner of a repository becomes one unless the
// login was added as a user before.
func (s *Server) AddUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(login, "User")
}

// SetPermission gives a person a role in a repository: admin, maintain, write, triage, read or none. The person is made
// when unknown.
func (s *Server) SetPermission(r *Repo, login, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(login, "User")
	r.roles[strings.ToLower(login)] = role
}

// userOf finds a user, or makes one of that kind. Logins that end in [bot] are bots.
func (s *Server) userOf(login, kind string) *user {
	key := strings.ToLower(login)
	u := s.users[key]
	if u == nil {
		if strings.HasSuffix(key, "[bot]") {
			kind = "Bot"
		}
		u = &user{id: s.newID(), login: login, kind: kind}
		s.users[key] = u
	}
	return u
}

func (s *Server) botLogin() string { return s.cfg.AppSlug + "[bot]" }

func (s *Server) showUser(login string) object {
	u := s.userOf(login, "User")
	api, html := s.base+"/users/"+url.PathEscape(u.login), s.base+"/"+u.login
	if u.kind == "Bot" {
		html = s.base + "/apps/" + strings.TrimSuffix(u.login, "[bot]")
	}
	return object{
		"login": u.login, "id": u.id, "node_id": nodeID("User", u.id), "avatar_url": fmt.Sprintf("%s/avatars/%d", s.base, u.id),
		"gravatar_id": "", "url": api, "html_url": html, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": u.kind, "user_view_type": "public", "site_admin": false,
	}
}

// showApp is the App, or GitHub Actions, as check runs and comments name it.
func (s *Server) showApp(slug string) object {
	id, owner := s.AppID, s.cfg.AppSlug+"-owner"
	if slug != s.cfg.AppSlug {
		id, owner = actionsAppID, "github"
	}
	return s.desc.rest.complete("integration", object{
		"id": id, "slug": slug, "client_id": s.clientID(), "node_id": nodeID("App", id), "name": slug, "owner": s.showOrganizationUser(owner),
		"html_url": s.base + "/apps/" + slug, "created_at": stamp(s.created), "updated_at": stamp(s.created),
		"permissions": permissionsObject(s.cfg.Permissions), "events": stringsAny(s.cfg.Events),
	})
}

func (s *Server) showOrganizationUser(login string) object {
	s.userOf(login, "Organization")
	return s.showUser(login)
}

const actionsAppID = 15368 // GitHub Actions' own, on github.com

func nodeID(kind string, id any) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%v", len(kind), kind, id))
}

func permissionsObject(p map[string]string) object {
	o := object{}
	for k, v := range p {
		o[k] = v
	}
	return o
}

func stringsAny(in []string) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

var userHandlers = map[string]handler{
	"users/get-by-username": func(c *call) (answer, error) {
		u := c.s.users[strings.ToLower(c.params["username"])]
		if u == nil {
			return answer{}, errNotFound
		}
		return ok(c.s.desc.rest.complete("public-user", c.s.showUser(u.login)))
	},
	"repos/get-collaborator-permission-level": permissionLevel,
}

var roleOrder = []string{"none", "read", "triage", "write", "maintain", "admin"}

// permissionLevel answers maintain as write and triage as read in permission, the exact role in role_name, as GitHub does.
func permissionLevel(c *call) (answer, error) {
	u := c.s.users[strings.ToLower(c.params["username"])]
	if u == nil {
		return answer{}, errNotFound
	}
	role := c.repo.roles[strings.ToLower(u.login)]
	if role == "" {
		role = "read"
		if c.repo.private {
			role = "none"
		}
	}
	permission := role
	switch role {
	case "maintain":
		permission = "write"
	case "triage":
		permission = "read"
	}
	at := func(level string) bool { return slices.Index(roleOrder, role) >= slices.Index(roleOrder, level) }
	person := c.s.showUser(u.login)
	person["role_name"] = role
	person["permissions"] = object{"admin": at("admin"), "maintain": at("maintain"), "push": at("write"), "triage": at("triage"), "pull": at("read")}
	return ok(object{"permission": permission, "role_name": role, "user": person})
}

package githubtest

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
)

// Repo is a repository on the double. Its methods may be called from several goroutines.
type Repo struct {
	ID    int64
	Owner string // as added
	Name  string // as added; FullName follows a renaming

	s        *Server
	git      *gitRepo
	owner    string
	name     string
	branch   string // the default branch
	private  bool
	archived bool
	created  string
	updated  string
	pushed   string
	forkOf   *Repo

	roles     map[string]string // by lower-case login
	suites    []*suite
	checks    []*checkRun
	workflows map[string]*workflow // by path
	runs      []*Run
	issues    map[int]*issue // pull requests too
	lastIssue int
	comments  []*comment
	noAuto    bool // check suites are not made on push (a preference an App may set)
}

// AddRepo makes a public repository whose default branch main holds these files in one commit (no files: no commit).
func (s *Server) AddRepo(owner, name string, files map[string]string) (*Repo, error) {
	dir := filepath.Join(s.dir, owner, name+".git")
	g, err := newGit(dir)
	if err != nil {
		return nil, fmt.Errorf("add repository %s/%s: %w", owner, name, err)
	}
	if len(files) > 0 {
		if _, err := g.commit("refs/heads/main", "", change{files: files, message: "initial", author: "octocat", when: s.clock.Now()}); err != nil {
			return nil, fmt.Errorf("add repository %s/%s: %w", owner, name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRepo(owner, name, g, nil)
}

// AddRepoFromDir makes a repository from a local git repository; the commit it has checked out becomes main.
func (s *Server) AddRepoFromDir(owner, name, dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("add repository %s/%s: %w", owner, name, err)
	}
	g, err := copyGit(abs, filepath.Join(s.dir, owner, name+".git"))
	if err != nil {
		return nil, fmt.Errorf("add repository %s/%s: %w", owner, name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRepo(owner, name, g, nil)
}

func (s *Server) addRepo(owner, name string, g *gitRepo, forkOf *Repo) (*Repo, error) {
	key := strings.ToLower(owner + "/" + name)
	if s.repos[key] != nil {
		g.close()
		return nil, fmt.Errorf("add repository %s/%s: it exists", owner, name)
	}
	s.userOf(owner, "Organization")
	r := &Repo{ID: s.newID(), Owner: owner, Name: name, s: s, git: g, owner: owner, name: name, branch: "main", created: s.now(), updated: s.now(), pushed: s.now(), forkOf: forkOf,
		roles: map[string]string{}, workflows: map[string]*workflow{}, issues: map[int]*issue{}}
	s.repos[key], s.byID[r.ID] = r, r
	delete(s.moved, key)
	s.notify()
	return r, nil
}

// FullName is owner/name as of now.
func (r *Repo) FullName() string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.full()
}

func (r *Repo) full() string { return r.owner + "/" + r.name }

// Dir is the bare git repository, for a test that wants to look at it or to clone it.
func (r *Repo) Dir() string { return r.git.dir }

// Head is the commit of a branch, "" when there is no such branch.
func (r *Repo) Head(branch string) string { return r.git.branch(branch) }

// SetPrivate makes the repository private: people without a role have no permission.
func (r *Repo) SetPrivate(private bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.private = private
}

// SetDefaultBranch makes another existing branch the default one; a new repository's is main.
func (r *Repo) SetDefaultBranch(branch string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.branch, r.updated = branch, r.s.now()
	r.s.notify()
}

// SetArchived marks the repository as archived. The double does not refuse writes to it.
func (r *Repo) SetArchived(archived bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.archived = archived
}

// Rename gives the repository another name; the API redirects from the old one.
func (r *Repo) Rename(name string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	old := strings.ToLower(r.full())
	delete(r.s.repos, old)
	r.s.moved[old] = r.ID
	r.name = name
	r.s.repos[strings.ToLower(r.full())] = r
	r.s.notify()
}

func (s *Server) repoByName(owner, name string) *Repo {
	return s.repos[strings.ToLower(owner+"/"+name)]
}

func (s *Server) movedTo(owner, name string) *Repo {
	key := strings.ToLower(owner + "/" + name)
	if s.repos[key] != nil {
		return nil
	}
	return s.byID[s.moved[key]]
}

func (r *Repo) api() string  { return r.s.base + "/repos/" + r.full() }
func (r *Repo) html() string { return r.s.base + "/" + r.full() }

func (s *Server) briefRepo(r *Repo) object {
	return object{"id": r.ID, "node_id": nodeID("Repository", r.ID), "name": r.name, "full_name": r.full(), "private": r.private}
}

// showRepo is a repository with the fields of all the forms in which GitHub shows one; complete adds those of the form.
func (s *Server) showRepo(r *Repo) object {
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	o := s.briefRepo(r)
	maps.Copy(o, object{
		"owner": s.showUser(r.owner), "html_url": r.html(), "description": nil, "fork": r.forkOf != nil, "url": r.api(),
		"created_at": r.created, "updated_at": r.updated, "pushed_at": r.pushed, "default_branch": r.branch, "visibility": visibility,
		"archived": r.archived, "disabled": false, "clone_url": r.html() + ".git", "git_url": "git" + strings.TrimPrefix(r.html(), "http") + ".git",
		"ssh_url": "git@github.example:" + r.full() + ".git", "svn_url": r.html(), "topics": []any{}, "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false, "language": nil,
		"license": nil, "forks": 0, "forks_count": 0, "open_issues": 0, "open_issues_count": 0, "watchers": 0, "watchers_count": 0,
		"stargazers_count": 0, "size": 0, "homepage": nil, "mirror_url": nil, "is_template": false, "custom_properties": object{},
	})
	for key, path := range repoLinks {
		o[key] = r.api() + path
	}
	return s.desc.rest.complete("full-repository", o)
}

var repoLinks = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
	"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors",
	"deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}",
	"git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
	"issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
	"languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}

var repoHandlers = map[string]handler{
	"repos/get": func(c *call) (answer, error) { return ok(c.s.showRepo(c.repo)) },
}

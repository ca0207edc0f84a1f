package githubtest

import (
	"fmt"
	"maps"
	"strings"
)

// Push commits files on top of a branch, which is made from the default branch when it does not exist, and sends push,
// check_suite.requested (once per commit) and pull_request.synchronize for the pull requests of the branch. A content
// of Deleted removes the file. It returns the commit.
func (r *Repo) Push(branch string, files map[string]string, message string) (string, error) {
	return r.push(branch, change{files: files, message: message, author: "octocat"})
}

// PushAs is Push by another person.
func (r *Repo) PushAs(login, branch string, files map[string]string, message string) (string, error) {
	return r.push(branch, change{files: files, message: message, author: login})
}

// RenameFile is a push that moves a file or a folder.
func (r *Repo) RenameFile(branch, from, to, message string) (string, error) {
	return r.push(branch, change{renames: map[string]string{from: to}, message: message, author: "octocat"})
}

func (r *Repo) push(branch string, c change) (string, error) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	before := r.git.branch(branch)
	parent := before
	if parent == "" {
		parent = r.git.branch(r.branch)
	}
	c.when = s.clock.Now()
	sha, err := r.git.commit("refs/heads/"+branch, parent, c)
	if err != nil {
		return "", fmt.Errorf("push to %s: %w", r.full(), err)
	}
	return sha, r.announcePush(branch, before, sha, c.author)
}

// PushRef moves a branch to an existing commit, as a fast-forward or a force push does, and sends the same webhooks.
func (r *Repo) PushRef(branch, sha string) error {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	before := r.git.branch(branch)
	if _, err := r.git.run(nil, "update-ref", "refs/heads/"+branch, sha); err != nil {
		return fmt.Errorf("push to %s: %w", r.full(), err)
	}
	return r.announcePush(branch, before, sha, "octocat")
}

// DeleteBranch removes a branch; the push webhook says deleted.
func (r *Repo) DeleteBranch(branch string) error {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	before := r.git.branch(branch)
	if before == "" {
		return fmt.Errorf("delete branch %s of %s: it does not exist", branch, r.full())
	}
	if _, err := r.git.run(nil, "update-ref", "-d", "refs/heads/"+branch); err != nil {
		return fmt.Errorf("delete branch of %s: %w", r.full(), err)
	}
	p := r.pushObject(branch, before, noCommit, "octocat")
	p["deleted"], p["head_commit"], p["commits"] = true, nil, []any{}
	s.emit(s.installationOf(r), r, "push", "", "octocat", p)
	return nil
}

// announcePush tells everyone about a branch that has moved. The caller holds mu.
func (r *Repo) announcePush(branch, before, sha, login string) error {
	s := r.s
	s.userOf(login, "User")
	r.pushed = s.now()
	p := r.pushObject(branch, before, sha, login)
	commit, err := r.pushedCommit(sha, login)
	if err != nil {
		return fmt.Errorf("describe push to %s: %w", r.full(), err)
	}
	p["head_commit"], p["commits"] = commit, []any{commit}
	i := s.installationOf(r)
	s.emit(i, r, "push", "", login, p)
	if i != nil && !r.noAuto && r.findSuite(sha, s.cfg.AppSlug) == nil {
		u := r.suiteOf(sha, s.cfg.AppSlug)
		u.branch, u.before = branch, orZero(before)
		r.emitSuite(u, "requested", login)
	}
	for _, n := range r.issues {
		if n.pull && n.state == "open" && n.headRepo == r && n.head == branch {
			if err := r.synchronize(n, before, sha, login); err != nil {
				return err
			}
		}
	}
	return nil
}

func orZero(sha string) string {
	if sha == "" {
		return noCommit
	}
	return sha
}

func (r *Repo) pushObject(branch, before, after, login string) object {
	before = orZero(before)
	repo := r.s.showRepo(r)
	// In this event alone the times of the repository are numbers.
	now := r.s.clock.Now().Unix()
	owner := r.s.showUser(r.owner)
	owner["name"], owner["email"] = r.owner, nil
	maps.Copy(repo, object{"created_at": now, "pushed_at": now, "master_branch": r.branch, "stargazers": 0, "owner": owner, "organization": r.owner})
	return object{
		"ref": "refs/heads/" + branch, "before": before, "after": after, "created": before == noCommit, "deleted": false, "forced": false, "base_ref": nil,
		"compare": fmt.Sprintf("%s/compare/%s...%s", r.html(), before[:12], after[:12]), "repository": repo,
		"pusher": object{"name": login, "email": login + "@example.com"},
	}
}

func (r *Repo) pushedCommit(sha, login string) (object, error) {
	c, err := r.git.info(sha)
	if err != nil {
		return nil, err
	}
	files, err := r.git.diff(strings.Join(c.parents[:min(1, len(c.parents))], ""), sha)
	if err != nil {
		return nil, err
	}
	by := map[string][]any{"added": {}, "removed": {}, "modified": {}}
	for _, f := range files {
		switch f.status {
		case "renamed": // the event knows no renames
			by["removed"] = append(by["removed"], f.previous)
			by["added"] = append(by["added"], f.path)
		case "added", "removed":
			by[f.status] = append(by[f.status], f.path)
		default:
			by["modified"] = append(by["modified"], f.path)
		}
	}
	who := object{"name": c.author.name, "email": c.author.email, "username": login}
	return object{"id": sha, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": stamp(c.committer.when), "url": r.html() + "/commit/" + sha,
		"author": who, "committer": maps.Clone(who), "added": by["added"], "removed": by["removed"], "modified": by["modified"]}, nil
}

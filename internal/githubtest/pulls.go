package githubtest

import (
	"fmt"
	"path/filepath"
	"strings"
)

// OpenPull opens a pull request between two branches, sends pull_request.opened and returns its number.
func (r *Repo) OpenPull(head, base, login string) (int, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.openPull(r, head, base, login, head)
}

// OpenForkPull is a contribution from outside: login forks the repository (once), pushes files to a branch of the fork
// and opens a pull request to base. The App hears only of the pull request: GitHub sends no push and no check_suite for
// it. It returns the number and the head commit, which the API also finds in this repository (refs/pull/N/head).
func (r *Repo) OpenForkPull(login, base string, files map[string]string, message string) (number int, sha string, err error) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(login, "User")
	fork := s.repoByName(login, r.name)
	if fork == nil {
		g, err := copyGit(r.git.dir, filepath.Join(s.dir, login, r.name+".git"))
		if err != nil {
			return 0, "", fmt.Errorf("fork %s: %w", r.full(), err)
		}
		if fork, err = s.addRepo(login, r.name, g, r); err != nil {
			return 0, "", err
		}
	}
	branch := fmt.Sprintf("patch-%d", r.lastIssue+1)
	sha, err = fork.git.commit("refs/heads/"+branch, r.git.branch(base), change{files: files, message: message, author: login, when: s.clock.Now()})
	if err != nil {
		return 0, "", fmt.Errorf("push to fork of %s: %w", r.full(), err)
	}
	number, err = r.openPull(fork, branch, base, login, message)
	return number, sha, err
}

// PushToFork pushes more files to the head of a pull request from a fork and sends pull_request.synchronize.
func (r *Repo) PushToFork(number int, files map[string]string, message string) (string, error) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	n := r.issues[number]
	if n == nil || !n.pull || n.headRepo == r {
		return "", fmt.Errorf("push to fork: %s#%d is no pull request from a fork", r.full(), number)
	}
	before := n.headSHA
	sha, err := n.headRepo.git.commit("refs/heads/"+n.head, before, change{files: files, message: message, author: n.user, when: s.clock.Now()})
	if err != nil {
		return "", fmt.Errorf("push to fork of %s: %w", r.full(), err)
	}
	return sha, r.synchronize(n, before, sha, n.user)
}

// ClosePull closes a pull request without merging it; ReopenPull opens it again.
func (r *Repo) ClosePull(number int, login string) error {
	return r.setPullState(number, "closed", "closed", login)
}

// ReopenPull opens a closed pull request again and sends pull_request.reopened.
func (r *Repo) ReopenPull(number int, login string) error {
	return r.setPullState(number, "open", "reopened", login)
}

func (r *Repo) setPullState(number int, state, action, login string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n := r.issues[number]
	if n == nil || !n.pull {
		return fmt.Errorf("%s %s#%d: it is no pull request", action, r.full(), number)
	}
	n.state, n.closed = state, ""
	if state == "closed" {
		n.closed = r.s.now()
	}
	return r.emitPull(n, action, login, nil)
}

func (r *Repo) openPull(from *Repo, head, base, login, title string) (int, error) {
	n := &issue{pull: true, title: title, user: login, head: head, base: base, headRepo: from, headSHA: from.git.branch(head), baseSHA: r.git.branch(base)}
	if n.headSHA == "" || n.baseSHA == "" {
		return 0, fmt.Errorf("open pull request from %s to %s: a branch does not exist", head, base)
	}
	r.addIssue(n)
	if err := r.fetchHead(n); err != nil {
		return 0, err
	}
	return n.number, r.emitPull(n, "opened", login, nil)
}

// fetchHead keeps the head of a pull request in the repository itself, as GitHub does.
func (r *Repo) fetchHead(n *issue) error {
	ref := fmt.Sprintf("refs/pull/%d/head", n.number)
	var err error
	if n.headRepo == r {
		_, err = r.git.run(nil, "update-ref", ref, n.headSHA)
	} else {
		_, err = r.git.run(nil, "fetch", "-q", n.headRepo.git.dir, "+refs/heads/"+n.head+":"+ref)
	}
	if err != nil {
		return fmt.Errorf("keep head of %s#%d: %w", r.full(), n.number, err)
	}
	return nil
}

// synchronize tells of new commits of a pull request. The caller holds mu.
func (r *Repo) synchronize(n *issue, before, after, login string) error {
	n.headSHA = after
	if err := r.fetchHead(n); err != nil {
		return err
	}
	return r.emitPull(n, "synchronize", login, object{"before": before, "after": after})
}

func (r *Repo) emitPull(n *issue, action, login string, p object) error {
	o, err := r.showPull(n)
	if err != nil {
		return err
	}
	if p == nil {
		p = object{}
	}
	p["number"], p["pull_request"] = n.number, o
	r.s.emit(r.s.installationOf(r), r, "pull_request", action, login, p)
	return nil
}

// pullsAt are the open pull requests of this repository whose head is a commit. GitHub leaves out those from forks.
func (r *Repo) pullsAt(sha string) []any {
	out := []any{}
	for i := 1; i <= r.lastIssue; i++ {
		if n := r.issues[i]; n != nil && n.pull && n.state == "open" && n.headRepo == r && n.headSHA == sha {
			repo := func() object { return object{"id": r.ID, "url": r.api(), "name": r.name} }
			out = append(out, object{"url": fmt.Sprintf("%s/pulls/%d", r.api(), n.number), "id": n.id, "number": n.number,
				"head": object{"ref": n.head, "sha": n.headSHA, "repo": repo()}, "base": object{"ref": n.base, "sha": n.baseSHA, "repo": repo()}})
		}
	}
	return out
}

func (r *Repo) pullFiles(n *issue) ([]changedFile, error) {
	return r.git.diff(r.git.mergeBase(n.baseSHA, n.headSHA), n.headSHA)
}

func (r *Repo) showPull(n *issue) (object, error) {
	files, err := r.pullFiles(n)
	if err != nil {
		return nil, err
	}
	commits, err := r.git.history(n.baseSHA + ".." + n.headSHA)
	if err != nil {
		return nil, err
	}
	additions, deletions := 0, 0
	for _, f := range files {
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	side := func(repo *Repo, branch, sha string) object {
		return object{"label": repo.owner + ":" + branch, "ref": branch, "sha": sha, "user": r.s.showUser(repo.owner), "repo": r.s.showRepo(repo)}
	}
	at, html := fmt.Sprintf("%s/pulls/%d", r.api(), n.number), fmt.Sprintf("%s/pull/%d", r.html(), n.number)
	issueAt := strings.Replace(at, "/pulls/", "/issues/", 1)
	link := func(href string) object { return object{"href": href} }
	o := object{"url": at, "id": n.id, "node_id": nodeID("PullRequest", n.id), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issueAt,
		"commits_url": at + "/commits", "review_comments_url": at + "/comments", "review_comment_url": r.api() + "/pulls/comments{/number}", "comments_url": issueAt + "/comments",
		"statuses_url": r.api() + "/statuses/" + n.headSHA, "number": n.number, "state": n.state, "locked": false, "title": n.title, "user": r.s.showUser(n.user), "body": orNull(n.body),
		"labels": []any{}, "milestone": nil, "created_at": n.created, "updated_at": n.created, "closed_at": orNull(n.closed), "merged_at": nil, "merge_commit_sha": nil, "assignee": nil,
		"assignees": []any{}, "requested_reviewers": []any{}, "requested_teams": []any{}, "head": side(n.headRepo, n.head, n.headSHA), "base": side(r, n.base, n.baseSHA),
		"_links": object{"self": link(at), "html": link(html), "issue": link(issueAt), "comments": link(issueAt + "/comments"), "review_comments": link(at + "/comments"),
			"review_comment": link(r.api() + "/pulls/comments{/number}"), "commits": link(at + "/commits"), "statuses": link(r.api() + "/statuses/" + n.headSHA)},
		"author_association": "MEMBER", "auto_merge": nil, "draft": n.draft, "merged": false, "mergeable": true, "rebaseable": true, "mergeable_state": "clean", "merged_by": nil,
		"comments": 0, "review_comments": 0, "maintainer_can_modify": false, "commits": len(commits), "additions": additions, "deletions": deletions, "changed_files": len(files)}
	return r.s.desc.rest.complete("pull-request", o), nil
}

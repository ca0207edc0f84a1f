package githubtest

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	maxCompareFiles = 300
	maxCommitFiles  = 3000
)

var commitHandlers = map[string]handler{
	"git/get-commit":                      getGitCommit,
	"repos/get-commit":                    getCommit,
	"repos/list-commits":                  listCommits,
	"repos/compare-commits-with-basehead": compare,
	"repos/compare-commits": func(c *call) (answer, error) {
		c.params["basehead"] = c.params["base"] + "..." + c.params["head"]
		return compare(c)
	},
}

func showPerson(p person) object {
	return object{"name": p.name, "email": p.email, "date": stamp(p.when)}
}

// showSimpleCommit is a commit as suites and runs carry it; nil when it is not in the repository.
func (r *Repo) showSimpleCommit(sha string) any {
	c, err := r.git.info(sha)
	if err != nil {
		return nil
	}
	return object{"id": sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.committer.when),
		"author": object{"name": c.author.name, "email": c.author.email}, "committer": object{"name": c.committer.name, "email": c.committer.email}}
}

func unsigned() object {
	return object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
}

func (r *Repo) showCommit(c commitInfo) object {
	parents := []any{}
	for _, p := range c.parents {
		parents = append(parents, object{"sha": p, "url": r.api() + "/commits/" + p, "html_url": r.html() + "/commit/" + p})
	}
	return object{"sha": c.sha, "node_id": nodeID("Commit", c.sha), "url": r.api() + "/commits/" + c.sha, "html_url": r.html() + "/commit/" + c.sha,
		"comments_url": r.api() + "/commits/" + c.sha + "/comments", "author": nil, "committer": nil, "parents": parents,
		"commit": object{"author": showPerson(c.author), "committer": showPerson(c.committer), "message": c.message, "tree": object{"sha": c.tree, "url": r.api() + "/git/trees/" + c.tree},
			"url": r.api() + "/git/commits/" + c.sha, "comment_count": 0, "verification": unsigned()}}
}

func (r *Repo) showFile(f changedFile, sha string) object {
	escaped := (&url.URL{Path: f.path}).EscapedPath()
	o := object{"sha": f.sha, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions, "changes": f.additions + f.deletions,
		"blob_url": r.html() + "/blob/" + sha + "/" + escaped, "raw_url": r.html() + "/raw/" + sha + "/" + escaped, "contents_url": r.api() + "/contents/" + escaped + "?ref=" + sha}
	if f.patch != "" {
		o["patch"] = f.patch
	}
	if f.previous != "" {
		o["previous_filename"] = f.previous
	}
	return o
}

func getGitCommit(c *call) (answer, error) {
	info, err := c.repo.git.info(c.params["commit_sha"] + "^{commit}")
	if err != nil {
		return answer{}, errNotFound
	}
	full := c.repo.showCommit(info)
	at := c.repo.api() + "/git/commits/" + info.sha
	return ok(object{"sha": info.sha, "node_id": full["node_id"], "url": at, "html_url": full["html_url"], "author": showPerson(info.author), "committer": showPerson(info.committer),
		"tree": object{"sha": info.tree, "url": c.repo.api() + "/git/trees/" + info.tree}, "message": info.message, "parents": full["parents"], "verification": unsigned()})
}

func getCommit(c *call) (answer, error) {
	sha, err := c.commit(c.params["ref"])
	if err != nil {
		return answer{}, err
	}
	if strings.Contains(c.r.Header.Get("Accept"), ".sha") {
		return rawAnswer([]byte(sha), "sha")
	}
	info, err := c.repo.git.info(sha)
	if err != nil {
		return answer{}, err
	}
	files, err := c.repo.git.diff(strings.Join(info.parents[:min(1, len(info.parents))], ""), sha)
	if err != nil {
		return answer{}, err
	}
	files = files[:min(maxCommitFiles, len(files))]
	o := c.repo.showCommit(info)
	additions, deletions := 0, 0
	for _, f := range files {
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	a := pageOf(c, files, "", 300, 300, func(f changedFile) object { return c.repo.showFile(f, sha) })
	o["files"], o["stats"] = a.body, object{"additions": additions, "deletions": deletions, "total": additions + deletions}
	a.body = o
	return a, nil
}

func (c *call) showCommitOf(sha string) object {
	info, err := c.repo.git.info(sha)
	if err != nil {
		return nil
	}
	return c.repo.showCommit(info)
}

func listCommits(c *call) (answer, error) {
	from := c.query.Get("sha")
	if from == "" {
		from = c.repo.branch
	}
	sha := c.repo.git.commitOf(from)
	if sha == "" {
		return answer{}, errNotFound
	}
	args := []string{sha}
	if path := c.query.Get("path"); path != "" {
		args = append(args, "--", path)
	}
	all, err := c.repo.git.history(args...)
	if err != nil {
		return answer{}, err
	}
	return page(c, all, "", c.showCommitOf), nil
}

func compare(c *call) (answer, error) {
	base, head, found := strings.Cut(c.params["basehead"], "...")
	side := func(name string) string {
		if _, branch, ok := strings.Cut(name, ":"); ok {
			name = branch
		}
		return c.repo.git.commitOf(name)
	}
	from, to := side(base), side(head)
	if !found || from == "" || to == "" {
		return answer{}, errNotFound
	}
	common := c.repo.git.mergeBase(from, to)
	if common == "" {
		return answer{}, refuse(http.StatusNotFound, "No common ancestor between %s and %s.", base, head)
	}
	ahead, err := c.repo.git.history("--reverse", from+".."+to)
	if err != nil {
		return answer{}, err
	}
	behind, err := c.repo.git.history(to + ".." + from)
	if err != nil {
		return answer{}, err
	}
	files, err := c.repo.git.diff(common, to)
	if err != nil {
		return answer{}, err
	}
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	shown := []any{}
	if p := c.query.Get("page"); p == "" || p == "1" { // the files come with the first page only
		for _, f := range files[:min(maxCompareFiles, len(files))] {
			shown = append(shown, c.repo.showFile(f, to))
		}
	}
	a := pageOf(c, ahead, "", 250, 250, c.showCommitOf)
	html := c.repo.html() + "/compare/" + c.params["basehead"]
	a.body = object{"url": c.repo.api() + "/compare/" + c.params["basehead"], "html_url": html, "permalink_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"base_commit": c.showCommitOf(from), "merge_base_commit": c.showCommitOf(common), "status": status, "ahead_by": len(ahead), "behind_by": len(behind),
		"total_commits": len(ahead), "commits": a.body, "files": shown}
	return a, nil
}

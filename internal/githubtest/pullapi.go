package githubtest

import (
	"fmt"
	"net/http"
	"strings"
)

// maxPullFiles is the number of files that GitHub lists for a pull request.
const maxPullFiles = 3000

func (c *call) pull() (*issue, error) {
	n := c.repo.issues[int(number(c.params["pull_number"]))]
	if n == nil || !n.pull {
		return nil, errNotFound
	}
	return n, nil
}

var pullHandlers = map[string]handler{
	"pulls/list": listPulls,
	"pulls/get": func(c *call) (answer, error) {
		n, err := c.pull()
		if err != nil {
			return answer{}, err
		}
		o, err := c.repo.showPull(n)
		if err != nil {
			return answer{}, err
		}
		return ok(o)
	},
	"pulls/list-files": func(c *call) (answer, error) {
		n, err := c.pull()
		if err != nil {
			return answer{}, err
		}
		files, err := c.repo.pullFiles(n)
		if err != nil {
			return answer{}, err
		}
		return page(c, files[:min(maxPullFiles, len(files))], "", func(f changedFile) object { return c.repo.showFile(f, n.headSHA) }), nil
	},
	"pulls/create": createPull,
	"repos/list-pull-requests-associated-with-commit": func(c *call) (answer, error) {
		sha, err := c.commit(c.params["commit_sha"])
		if err != nil {
			return answer{}, err
		}
		return c.listPulls(func(n *issue) bool { return n.headSHA == sha })
	},
}

func listPulls(c *call) (answer, error) {
	state := c.query.Get("state")
	if state == "" {
		state = "open"
	}
	return c.listPulls(func(n *issue) bool {
		return (state == "all" || n.state == state) &&
			(!c.query.Has("head") || c.query.Get("head") == n.headRepo.owner+":"+n.head) &&
			(!c.query.Has("base") || c.query.Get("base") == n.base)
	})
}

// onlyInFull are the fields of a pull request that lists leave out.
var onlyInFull = []string{"merged", "mergeable", "rebaseable", "mergeable_state", "merged_by", "comments", "review_comments", "maintainer_can_modify", "commits", "additions", "deletions", "changed_files"}

// listPulls lists newest first.
func (c *call) listPulls(keep func(*issue) bool) (answer, error) {
	out := []object{}
	for i := c.repo.lastIssue; i > 0; i-- {
		n := c.repo.issues[i]
		if n == nil || !n.pull || !keep(n) {
			continue
		}
		o, err := c.repo.showPull(n)
		if err != nil {
			return answer{}, err
		}
		for _, k := range onlyInFull {
			delete(o, k)
		}
		out = append(out, o)
	}
	return page(c, out, "", func(o object) object { return o }), nil
}

func createPull(c *call) (answer, error) {
	head, base := text(c.body, "head"), text(c.body, "base")
	head = head[strings.LastIndexByte(head, ':')+1:]
	invalid := func(e object) (answer, error) {
		e["resource"] = "PullRequest"
		return answer{}, &refusal{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{e}}
	}
	for field, branch := range map[string]string{"head": head, "base": base} {
		if c.repo.git.branch(branch) == "" {
			return invalid(object{"field": field, "code": "invalid"})
		}
	}
	for _, n := range c.repo.issues {
		if n.pull && n.state == "open" && n.headRepo == c.repo && n.head == head && n.base == base {
			return invalid(object{"code": "custom", "message": fmt.Sprintf("A pull request already exists for %s:%s.", c.repo.owner, head)})
		}
	}
	title := text(c.body, "title")
	if title == "" {
		title = head
	}
	id, err := c.repo.openPull(c.repo, head, base, c.s.botLogin(), title)
	if err != nil {
		return answer{}, err
	}
	n := c.repo.issues[id]
	n.body = text(c.body, "body")
	o, err := c.repo.showPull(n)
	if err != nil {
		return answer{}, err
	}
	return created(o)
}

package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// Comment is a comment of an issue or a pull request.
type Comment struct {
	ID        int64
	Author    string
	Body      string
	Edits     int
	Reactions []Reaction
}

// Reaction is an emoji that someone put on a comment, for example eyes.
type Reaction struct{ User, Content string }

// issue is an issue or, with pull, a pull request.
type issue struct {
	id               int64
	number           int
	title, user      string
	state            string
	created, closed  string
	body             string
	reactions        []*reaction
	pull             bool
	head, base       string // branches
	headRepo         *Repo  // a fork's or the repository itself
	headSHA, baseSHA string
	draft            bool
}

type comment struct {
	id               int64
	number           int
	user, body       string
	created, updated string
	edits            int
	reactions        []*reaction
}

type reaction struct {
	id            int64
	user, content string
	created       string
}

// OpenIssue opens an issue and returns its number.
func (r *Repo) OpenIssue(login, title string) int {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.addIssue(&issue{title: title, user: login}).number
}

func (r *Repo) addIssue(n *issue) *issue {
	r.s.userOf(n.user, "User")
	r.lastIssue++
	n.id, n.number, n.state, n.created = r.s.newID(), r.lastIssue, "open", r.s.now()
	r.issues[n.number] = n
	r.s.notify()
	return n
}

// Comment writes a comment on an issue or a pull request, sends issue_comment.created and returns its id.
func (r *Repo) Comment(number int, login, body string) (int64, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n := r.issues[number]
	if n == nil {
		return 0, fmt.Errorf("comment on %s#%d: it does not exist", r.full(), number)
	}
	return r.addComment(n, login, body).id, nil
}

// EditComment changes the text of a comment and sends issue_comment.edited.
func (r *Repo) EditComment(id int64, login, body string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	c := r.comment(id)
	if c == nil {
		return fmt.Errorf("edit comment %d: it does not exist", id)
	}
	r.editComment(c, login, body)
	return nil
}

// Comments are those of an issue or a pull request, oldest first.
func (r *Repo) Comments(number int) []Comment {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	var out []Comment
	for _, c := range r.comments {
		if c.number != number {
			continue
		}
		shown := Comment{ID: c.id, Author: c.user, Body: c.body, Edits: c.edits}
		for _, x := range c.reactions {
			shown.Reactions = append(shown.Reactions, Reaction{x.user, x.content})
		}
		out = append(out, shown)
	}
	return out
}

func (r *Repo) comment(id int64) *comment {
	for _, c := range r.comments {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (r *Repo) addComment(n *issue, login, body string) *comment {
	r.s.userOf(login, "User")
	c := &comment{id: r.s.newID(), number: n.number, user: login, body: body, created: r.s.now(), updated: r.s.now()}
	r.comments = append(r.comments, c)
	r.emitComment(c, "created", login, nil)
	return c
}

func (r *Repo) editComment(c *comment, login, body string) {
	before := c.body
	c.body, c.updated = body, r.s.now()
	c.edits++
	r.emitComment(c, "edited", login, object{"changes": object{"body": object{"from": before}}})
}

func (r *Repo) emitComment(c *comment, action, login string, p object) {
	if p == nil {
		p = object{}
	}
	p["issue"], p["comment"] = r.showIssue(r.issues[c.number]), r.showComment(c)
	r.s.emit(r.s.installationOf(r), r, "issue_comment", action, login, p)
}

func (r *Repo) showIssue(n *issue) object {
	at := fmt.Sprintf("%s/issues/%d", r.api(), n.number)
	kind, comments := "issues", 0
	if n.pull {
		kind = "pull"
	}
	for _, c := range r.comments {
		if c.number == n.number {
			comments++
		}
	}
	html := fmt.Sprintf("%s/%s/%d", r.html(), kind, n.number)
	o := object{"url": at, "repository_url": r.api(), "labels_url": at + "/labels{/name}", "comments_url": at + "/comments", "events_url": at + "/events", "html_url": html,
		"id": n.id, "node_id": nodeID("Issue", n.id), "number": n.number, "title": n.title, "user": r.s.showUser(n.user), "labels": []any{}, "state": n.state, "locked": false,
		"assignee": nil, "assignees": []any{}, "milestone": nil, "comments": comments, "created_at": n.created, "updated_at": n.created, "closed_at": orNull(n.closed),
		"author_association": "MEMBER", "active_lock_reason": nil, "body": orNull(n.body), "reactions": rollup(at, n.reactions), "timeline_url": at + "/timeline",
		"performed_via_github_app": nil, "state_reason": nil}
	if n.pull {
		o["draft"] = n.draft
		o["pull_request"] = object{"url": fmt.Sprintf("%s/pulls/%d", r.api(), n.number), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "merged_at": nil}
	}
	return r.s.desc.rest.complete("issue", o)
}

func (r *Repo) showComment(c *comment) object {
	at := fmt.Sprintf("%s/issues/comments/%d", r.api(), c.id)
	o := object{"url": at, "html_url": fmt.Sprintf("%s/issues/%d#issuecomment-%d", r.html(), c.number, c.id), "issue_url": fmt.Sprintf("%s/issues/%d", r.api(), c.number),
		"id": c.id, "node_id": nodeID("IssueComment", c.id), "user": r.s.showUser(c.user), "created_at": c.created, "updated_at": c.updated, "author_association": "MEMBER",
		"body": c.body, "reactions": rollup(at, c.reactions), "performed_via_github_app": nil}
	if c.user == r.s.botLogin() {
		o["performed_via_github_app"] = r.s.showApp(r.s.cfg.AppSlug)
	}
	return r.s.desc.rest.complete("issue-comment", o)
}

var reactionKinds = []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}

func rollup(at string, all []*reaction) object {
	o := object{"url": at + "/reactions", "total_count": len(all)}
	for _, kind := range reactionKinds {
		n := 0
		for _, x := range all {
			if x.content == kind {
				n++
			}
		}
		o[kind] = n
	}
	return o
}

func (s *Server) showReaction(x *reaction) object {
	return object{"id": x.id, "node_id": nodeID("Reaction", x.id), "user": s.showUser(x.user), "content": x.content, "created_at": x.created}
}

// react puts a reaction; the same one by the same user again is answered 200 and changes nothing.
func (c *call) react(to *[]*reaction) (answer, error) {
	content := text(c.body, "content")
	i := slices.IndexFunc(*to, func(x *reaction) bool { return x.user == c.s.botLogin() && x.content == content })
	if i >= 0 {
		return ok(c.s.showReaction((*to)[i]))
	}
	x := &reaction{id: c.s.newID(), user: c.s.botLogin(), content: content, created: c.s.now()}
	*to = append(*to, x)
	c.s.notify()
	return created(c.s.showReaction(x))
}

const maxCommentRunes = 65536

func tooLong(body string) error {
	if utf8.RuneCountInString(body) <= maxCommentRunes {
		return nil
	}
	return &refusal{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{object{"resource": "IssueComment", "code": "custom", "field": "body",
		"message": "body is too long (maximum is 65536 characters)"}}}
}

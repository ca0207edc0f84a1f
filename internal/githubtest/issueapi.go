package githubtest

import "slices"

func (c *call) issue() (*issue, error) {
	if n := c.repo.issues[int(number(c.params["issue_number"]))]; n != nil {
		return n, nil
	}
	return nil, errNotFound
}

func (c *call) comment() (*comment, error) {
	if x := c.repo.comment(number(c.params["comment_id"])); x != nil {
		return x, nil
	}
	return nil, errNotFound
}

// onIssue and onComment find what the call is about before the handler acts on it.
func onIssue(f func(*call, *issue) (answer, error)) handler {
	return func(c *call) (answer, error) {
		n, err := c.issue()
		if err != nil {
			return answer{}, err
		}
		return f(c, n)
	}
}

func onComment(f func(*call, *comment) (answer, error)) handler {
	return func(c *call) (answer, error) {
		x, err := c.comment()
		if err != nil {
			return answer{}, err
		}
		return f(c, x)
	}
}

var issueHandlers = map[string]handler{
	"issues/get": onIssue(func(c *call, n *issue) (answer, error) { return ok(c.repo.showIssue(n)) }),
	"issues/create": func(c *call) (answer, error) {
		title, _ := c.body["title"].(string)
		return created(c.repo.showIssue(c.repo.addIssue(&issue{title: title, body: text(c.body, "body"), user: c.s.botLogin()})))
	},
	"issues/list-comments": onIssue(func(c *call, n *issue) (answer, error) {
		var out []*comment
		for _, x := range c.repo.comments {
			if x.number == n.number {
				out = append(out, x)
			}
		}
		return page(c, out, "", c.repo.showComment), nil
	}),
	"issues/create-comment": onIssue(func(c *call, n *issue) (answer, error) {
		if err := tooLong(text(c.body, "body")); err != nil {
			return answer{}, err
		}
		return created(c.repo.showComment(c.repo.addComment(n, c.s.botLogin(), text(c.body, "body"))))
	}),
	"issues/get-comment": onComment(func(c *call, x *comment) (answer, error) { return ok(c.repo.showComment(x)) }),
	"issues/update-comment": onComment(func(c *call, x *comment) (answer, error) {
		if err := tooLong(text(c.body, "body")); err != nil {
			return answer{}, err
		}
		c.repo.editComment(x, c.s.botLogin(), text(c.body, "body"))
		return ok(c.repo.showComment(x))
	}),
	"issues/delete-comment": onComment(func(c *call, x *comment) (answer, error) {
		c.repo.comments = slices.DeleteFunc(c.repo.comments, func(y *comment) bool { return y == x })
		c.s.notify()
		return noContent()
	}),
	"reactions/create-for-issue":         onIssue(func(c *call, n *issue) (answer, error) { return c.react(&n.reactions) }),
	"reactions/create-for-issue-comment": onComment(func(c *call, x *comment) (answer, error) { return c.react(&x.reactions) }),
	"reactions/list-for-issue-comment": onComment(func(c *call, x *comment) (answer, error) {
		return page(c, x.reactions, "", c.s.showReaction), nil
	}),
}

package githubtest

import (
	"maps"
	"net/http"
)

// handler carries out one operation. Handlers run one at a time with the server's lock held, after the call has been judged.
type handler func(*call) (answer, error)

// handlers are found by GitHub's operation id. Each area keeps its own beside its state.
var handlers = func() map[string]handler {
	all := map[string]handler{}
	for _, area := range []map[string]handler{metaHandlers, userHandlers, repoHandlers, installationHandlers, deliveryHandlers, contentHandlers, commitHandlers,
		checkHandlers, runHandlers, workflowHandlers, pullHandlers, issueHandlers} {
		maps.Copy(all, area)
	}
	return all
}()

var metaHandlers = map[string]handler{
	"apps/get-authenticated": func(c *call) (answer, error) {
		o := c.s.showApp(c.s.cfg.AppSlug)
		o["installations_count"] = len(c.s.installations)
		return ok(o)
	},
	"meta/root": func(c *call) (answer, error) {
		return ok(c.s.desc.rest.complete("root", object{"current_user_url": c.s.base + "/user"}))
	},
	"meta/get": func(c *call) (answer, error) {
		return ok(c.s.desc.rest.complete("api-overview", object{"hooks": []any{"127.0.0.1/32", "::1/128"}}))
	},
	"meta/get-zen": func(*call) (answer, error) {
		return answer{status: http.StatusOK, raw: []byte("Keep it logically awesome."), header: map[string]string{"Content-Type": "text/plain"}}, nil
	},
	"rate-limit/get": func(c *call) (answer, error) {
		r := c.s.rateOf(c.cred)
		v := object{"limit": r.limit, "used": r.used, "remaining": max(0, r.limit-r.used), "reset": r.reset.Unix()}
		return ok(c.s.desc.rest.complete("rate-limit-overview", object{"rate": v, "resources": object{"core": v}}))
	},
}

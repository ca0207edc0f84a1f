package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one API request on its way through the double.
type call struct {
	s      *Server
	r      *http.Request
	op     *operation
	params map[string]string
	query  url.Values
	body   object // the JSON object sent, nil when there was none
	cred   credentials
	repo   *Repo // of operations under /repos/{owner}/{repo}
	free   bool  // not counted
	rec    Call
}

// answer is what a handler says. A nil body with no raw bytes is an empty answer.
type answer struct {
	status int
	body   any
	raw    []byte // said as it is, with the content type in header
	header map[string]string
}

// refusal is an error that GitHub would answer.
type refusal struct {
	status  int
	message string
	errors  []any
	header  map[string]string
	docs    string
}

func (e *refusal) Error() string { return e.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

var errNotFound = refuse(http.StatusNotFound, "Not Found")

const (
	docsURL      = "https://docs.github.com/rest"
	limitDocs    = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
	abuseDocs    = limitDocs + "#about-secondary-rate-limits"
	abuseMessage = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	maxBody      = 16 << 20
)

// serve is the whole of the double's HTTP side.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.work.Done()
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3")
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if path == "" {
		path = "/"
	}
	if strings.HasPrefix(path, "/_logs/") {
		s.serveLog(w, r, path)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the client went away
	}
	c := &call{s: s, r: r, query: r.URL.Query()}
	c.rec = Call{Method: r.Method, Path: r.URL.RequestURI(), IfNoneMatch: r.Header.Get("If-None-Match"), Body: raw}
	if c.op, c.params = s.route(r.Method, path); c.op != nil {
		c.rec.Operation = c.op.id
	}
	f := s.takeFault(&c.rec, path)
	if f != nil && f.Delay > 0 && !sleep(r, f.Delay) {
		s.record(c.rec)
		return
	}
	if f != nil && !f.AfterEffect && s.inject(w, r, f, &c.rec) {
		return
	}
	a, header := s.answer(c, path, raw)
	if f != nil && f.AfterEffect && s.inject(w, r, f, &c.rec) {
		return
	}
	s.send(w, c, a, header)
}

// sleep waits d of wall time unless the client leaves first.
func sleep(r *http.Request, d time.Duration) bool {
	t := wall.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.Chan():
		return true
	case <-r.Context().Done():
		return false
	}
}

// answer judges the call, lets its handler act and returns what to say. It is atomic: one call at a time.
func (s *Server) answer(c *call, path string, raw []byte) (answer, http.Header) {
	var body any
	parsed := len(raw) == 0 || json.Unmarshal(raw, &body) == nil
	c.body, _ = body.(object)
	var violations, unknown []string
	if c.op != nil && parsed {
		violations, unknown = checkRequest(c.op, c.params, c.query, body, len(raw) > 0)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	header := http.Header{
		"X-Github-Media-Type":           {"github.v3; format=json"},
		"X-Github-Request-Id":           {fmt.Sprintf("%04X:%04X", s.AppID, len(s.calls)+1)},
		"X-Github-Api-Version-Selected": {"2022-11-28"},
	}
	c.cred = s.authenticate(c.r)
	if c.cred.token != nil {
		c.rec.Installation = c.cred.token.installation
	}
	limit := s.rateOf(c.cred)
	a, err := s.judge(c, limit, path, parsed, violations, unknown)
	if err == nil {
		a, err = handlers[c.op.id](c)
	}
	if err != nil {
		a = s.refused(c, err)
	} else {
		c.rec.Effect = c.r.Method != http.MethodGet && c.r.Method != http.MethodHead
	}
	c.free = c.op != nil && c.op.id == "rate-limit/get"
	if !c.free {
		limit.used++
	}
	if err == nil && a.status < 300 {
		s.finish(c, &a)
	}
	s.conditional(c, &a, header, limit)
	limit.write(header)
	return a, header
}

// judge decides whether the handler may run.
func (s *Server) judge(c *call, limit *rate, path string, parsed bool, violations, unknown []string) (answer, error) {
	if c.r.Header.Get("User-Agent") == "" {
		return answer{}, refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	}
	if c.op == nil {
		c.fault("request violation: GitHub describes no such operation")
		return answer{}, errNotFound
	}
	if c.cred.refused != "" {
		return answer{}, refuse(http.StatusUnauthorized, "%s", c.cred.refused)
	}
	if limit.used >= limit.limit && c.op.id != "rate-limit/get" {
		return answer{}, &refusal{status: http.StatusForbidden, docs: limitDocs,
			message: fmt.Sprintf("API rate limit exceeded for installation ID %d.", c.rec.Installation)}
	}
	if err := s.authorize(c, path); err != nil {
		return answer{}, err
	}
	if !parsed {
		c.fault("request violation: the body is not JSON")
		return answer{}, refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	for _, u := range unknown {
		c.fault("unknown " + u)
	}
	if len(violations) > 0 {
		for _, v := range violations {
			c.fault("request violation: " + v)
		}
		return answer{}, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%s", strings.Join(violations, "\n"))
	}
	if err := limit.content(c); err != nil {
		return answer{}, err
	}
	if handlers[c.op.id] == nil {
		c.fault("unimplemented: the double does not know this operation")
		return answer{}, refuse(http.StatusNotImplemented, "the double does not know %s", c.op.id)
	}
	return answer{}, nil
}

// authorize applies who may call and what they may see.
func (s *Server) authorize(c *call, path string) error {
	need := rules[c.op.id]
	switch {
	case need.access == byAnyone:
		return nil
	case need.access == byApp:
		if !c.cred.app {
			return refuse(http.StatusUnauthorized, undecodable)
		}
		return nil
	case c.cred.app:
		return refuse(http.StatusUnauthorized, "Bad credentials")
	case c.cred.token == nil:
		return refuse(http.StatusUnauthorized, "Requires authentication")
	}
	if owner, name := c.params["owner"], c.params["repo"]; owner != "" && name != "" {
		if to := s.movedTo(owner, name); to != nil {
			_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/repos/"), "/")
			_, rest, _ = strings.Cut(rest, "/")
			return s.redirect(c, fmt.Sprintf("/repositories/%d", to.ID), rest)
		}
		c.repo = s.repoByName(owner, name)
		reading := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
		if c.repo == nil || (!s.sees(c.cred.token, c.repo) && (c.repo.private || !reading)) { // everyone may read what is public
			return errNotFound
		}
	}
	if !allowed(need.need, c.cred.token.permissions) {
		c.fault("permission denied: " + c.op.id + " needs " + need.need)
		return &refusal{status: http.StatusForbidden, message: "Resource not accessible by integration",
			header: map[string]string{"X-Accepted-GitHub-Permissions": strings.ReplaceAll(need.need, "|", "; ")}}
	}
	return nil
}

// redirect answers as GitHub does for a renamed repository: 301 for a read, 307 for a write.
func (s *Server) redirect(c *call, root, rest string) error {
	to := s.base + root
	if rest != "" {
		to += "/" + rest
	}
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	status := http.StatusMovedPermanently
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		status = http.StatusTemporaryRedirect
	}
	return &refusal{status: status, message: "Moved Permanently", header: map[string]string{"Location": to}}
}

// route finds the operation of a path. Beyond the description it knows the root folder, which is an empty {path}, and
// /repositories/{id}/…, where the redirects of renamed repositories lead.
func (s *Server) route(method, path string) (*operation, map[string]string) {
	if numbered, ok := strings.CutPrefix(path, "/repositories/"); ok {
		id, rest, _ := strings.Cut(numbered, "/")
		s.mu.Lock()
		r := s.byID[number(id)]
		if r != nil {
			path = strings.TrimSuffix("/repos/"+r.full()+"/"+rest, "/")
		}
		s.mu.Unlock()
	}
	op, params := s.desc.match(method, path)
	if op == nil && strings.HasSuffix(path, "/contents") {
		if op, params = s.desc.match(method, path+"/root"); op != nil {
			params["path"] = ""
		}
	}
	return op, params
}

func (s *Server) refused(c *call, err error) answer {
	e, ok := err.(*refusal) //nolint:errorlint // handlers return it bare
	if !ok {
		c.fault("error in the double: " + err.Error())
		e = &refusal{status: http.StatusInternalServerError, message: err.Error()}
	}
	docs := e.docs
	if docs == "" {
		docs = docsURL
	}
	body := object{"message": e.message, "documentation_url": docs, "status": strconv.Itoa(e.status)}
	if len(e.errors) > 0 {
		body["errors"] = e.errors
	}
	if to := e.header["Location"]; to != "" {
		body["url"] = to
	}
	return answer{status: e.status, body: body, header: e.header}
}

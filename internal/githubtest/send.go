package githubtest

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// finish turns the body of a good answer into bytes and compares them with the description.
func (s *Server) finish(c *call, a *answer) {
	contentType := a.header["Content-Type"]
	if a.raw == nil && a.body != nil {
		a.raw = encode(a.body)
		contentType = "application/json; charset=utf-8"
	}
	for _, v := range checkAnswer(c.op, a.status, contentType, a.raw) {
		c.fault("response violation: " + v)
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // the builders make nothing that cannot be encoded
		panic(fmt.Sprintf("githubtest: encode answer: %v", err))
	}
	return b
}

// conditional adds the ETag of a read and answers 304, which does not count, when the client has it already.
func (s *Server) conditional(c *call, a *answer, header http.Header, limit *rate) {
	if a.raw == nil && a.body != nil {
		a.raw = encode(a.body)
	}
	if a.header["Content-Type"] == "" && a.raw != nil {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for k, v := range a.header {
		header.Set(k, v)
	}
	if c.r.Method != http.MethodGet || a.status != http.StatusOK {
		return
	}
	h := sha256.New()
	h.Write(a.raw)
	if s.cfg.TokenETags && c.cred.token != nil {
		h.Write([]byte(c.cred.token.text))
	}
	etag := fmt.Sprintf(`W/"%x"`, h.Sum(nil))
	header.Set("ETag", etag)
	header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	header.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP")
	if slices.Contains(strings.Split(c.rec.IfNoneMatch, ", "), etag) {
		a.status, a.raw = http.StatusNotModified, nil
		header.Del("Content-Type")
		if !c.free {
			limit.used--
		}
	}
}

// send writes the answer. As on GitHub a body comes in chunks without Content-Length, compressed when the client can read
// that, and its end arrives apart from its last byte: a client that does not read to the end of the stream has not seen it.
func (s *Server) send(w http.ResponseWriter, c *call, a answer, header http.Header) {
	c.rec.Status = a.status
	s.record(c.rec)
	for k, v := range header {
		w.Header()[k] = v
	}
	if len(a.raw) == 0 || c.r.Method == http.MethodHead {
		w.WriteHeader(a.status)
		return
	}
	flush := http.NewResponseController(w).Flush
	if strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(a.status)
		z, _ := zippers.Get().(*gzip.Writer)
		defer zippers.Put(z)
		z.Reset(w)
		_, _ = z.Write(a.raw)
		_ = z.Flush()
		_ = flush()
		_ = z.Close()
		return
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
	_ = flush()
}

// zippers are kept: making one takes longer than using it.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// rate is the hourly budget of one installation, of the App or of everyone without credentials.
type rate struct {
	limit, used int
	reset       time.Time
	made        []time.Time // content-creating requests of the last minute
}

func (s *Server) rateOf(cred credentials) *rate {
	key := "anyone"
	switch {
	case cred.token != nil:
		key = strconv.FormatInt(cred.token.installation, 10)
	case cred.app:
		key = "app"
	}
	r := s.rates[key]
	if r == nil || !s.clock.Now().Before(r.reset) {
		r = &rate{limit: s.cfg.RateLimit, reset: s.clock.Now().Add(time.Hour)}
		s.rates[key] = r
	}
	return r
}

func (r *rate) write(h http.Header) {
	h.Set("X-Ratelimit-Limit", strconv.Itoa(r.limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, r.limit-r.used)))
	h.Set("X-Ratelimit-Used", strconv.Itoa(r.used))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(r.reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", "core")
}

var creates = map[string]bool{"checks/create": true, "issues/create": true, "issues/create-comment": true, "issues/update-comment": true,
	"pulls/create": true, "repos/create-dispatch-event": true, "reactions/create-for-issue": true, "reactions/create-for-issue-comment": true}

// content applies the secondary limit of content-creating requests.
func (r *rate) content(c *call) error {
	if c.s.cfg.ContentPerMinute == 0 || !creates[c.op.id] {
		return nil
	}
	now := c.s.clock.Now()
	r.made = slices.DeleteFunc(r.made, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(r.made) >= c.s.cfg.ContentPerMinute {
		return &refusal{status: http.StatusForbidden, message: abuseMessage, docs: abuseDocs, header: map[string]string{"Retry-After": "60"}}
	}
	r.made = append(r.made, now)
	return nil
}

// SetRate leaves an installation this many requests until the reset.
func (s *Server) SetRate(installation int64, remaining int, reset time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rateOf(credentials{token: &token{installation: installation}})
	r.used = r.limit - remaining
	r.reset = s.clock.Now().Add(reset)
	s.notify()
}

// page cuts one page out of a list and links to the others; key wraps it with its total.
func page[T any](c *call, all []T, key string, show func(T) object) answer {
	return pageOf(c, all, key, 30, 100, show)
}

func pageOf[T any](c *call, all []T, key string, def, most int, show func(T) object) answer {
	per, number := def, 1
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil {
		per = min(most, max(1, n))
	}
	if n, err := strconv.Atoi(c.query.Get("page")); err == nil {
		number = max(1, n)
	}
	last := max(1, (len(all)+per-1)/per)
	items := []any{}
	for i := (number - 1) * per; i < len(all) && i < number*per; i++ {
		items = append(items, show(all[i]))
	}
	var links []string
	link := func(n int, rel string) {
		u := url.URL{Path: c.r.URL.Path}
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		q.Set("per_page", strconv.Itoa(per))
		u.RawQuery = q.Encode()
		links = append(links, fmt.Sprintf(`<%s%s>; rel=%q`, c.s.base, u.String(), rel))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	a := answer{status: http.StatusOK, body: any(items)}
	if key != "" {
		a.body = object{"total_count": len(all), key: items}
	}
	if len(links) > 0 {
		a.header = map[string]string{"Link": strings.Join(links, ", ")}
	}
	return a
}

func ok(body any) (answer, error)      { return answer{status: http.StatusOK, body: body}, nil }
func created(body any) (answer, error) { return answer{status: http.StatusCreated, body: body}, nil }
func noContent() (answer, error)       { return answer{status: http.StatusNoContent}, nil }

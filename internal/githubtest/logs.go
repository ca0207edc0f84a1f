package githubtest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// logLinkLife is how long the link to a log works.
const logLinkLife = time.Minute

// logs answers with the link to the storage that holds the log of a finished job or run.
func (c *call) logs(status, kind string, id int64) (answer, error) {
	if status != "completed" {
		return answer{}, errNotFound
	}
	until := c.s.clock.Now().Add(logLinkLife).UnixNano()
	link := fmt.Sprintf("%s/_logs/%d/%s/%d/%d", c.s.base, c.repo.ID, kind, id, until)
	return answer{status: http.StatusFound, header: map[string]string{"Location": link}}, nil
}

// serveLog is the storage behind the links. It is not GitHub's API: it takes no Authorization header and checks nothing
// but the link. Storage refuses a request that has both, so the double does too.
func (s *Server) serveLog(w http.ResponseWriter, r *http.Request, path string) {
	part := strings.Split(path, "/")
	rec := Call{Operation: "storage/get-log", Method: r.Method, Path: r.URL.RequestURI(), Status: http.StatusOK}
	if f := s.takeFault(&rec, path); f != nil {
		if f.Delay > 0 && !sleep(r, f.Delay) {
			s.record(rec)
			return
		}
		if s.inject(w, r, f, &rec) {
			return
		}
	}
	defer func() { s.record(rec) }()
	fail := func(status int, why string) {
		rec.Status = status
		http.Error(w, why, status)
	}
	if r.Header.Get("Authorization") != "" {
		rec.Violations = append(rec.Violations, "request violation: a token was sent to the log storage")
		fail(http.StatusUnauthorized, "InvalidAuthenticationInfo")
		return
	}
	if len(part) != 6 {
		fail(http.StatusNotFound, "no such log")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clock.Now().UnixNano() >= number(part[5]) {
		fail(http.StatusForbidden, "the link has expired")
		return
	}
	repo, id := s.byID[number(part[2])], number(part[4])
	if repo == nil {
		fail(http.StatusNotFound, "no such log")
		return
	}
	if part[3] == "job" {
		if _, j := repo.job(id); j != nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(j.Log))
			return
		}
	}
	for _, x := range repo.runs {
		if part[3] == "run" && x.ID == id {
			w.Header().Set("Content-Type", "application/zip")
			_, _ = w.Write(x.zipLogs())
			return
		}
	}
	fail(http.StatusNotFound, "no such log")
}

// zipLogs packs a file per job.
func (x *Run) zipLogs() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, j := range x.now.jobs {
		if f, err := z.Create(fmt.Sprintf("%d_%s.txt", i, j.Name)); err == nil { // writing to memory does not fail
			_, _ = f.Write([]byte(j.Log))
		}
	}
	_ = z.Close()
	return b.Bytes()
}

package githubtest

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// FaultKind is what goes wrong with a call.
type FaultKind int

// The kinds of faults.
const (
	Slow      FaultKind = iota + 1 // nothing but Delay
	Status                         // answers Code with GitHub's error body
	Reset                          // resets the connection
	Hang                           // never answers; ends when the client leaves, the faults are cleared or the double closes
	Truncate                       // announces a body and sends a part of it
	BadJSON                        // answers 200 with half a JSON document
	Primary                        // hourly limit used up: Code 403 (default) or 429, reset after RetryAfter (default 60 s)
	Secondary                      // secondary limit: Code 403 (default) or 429, with Retry-After unless it is negative (default 60 s)
)

func (k FaultKind) String() string {
	return [...]string{"", "slow", "status", "reset", "hang", "truncate", "bad-json", "primary", "secondary"}[k]
}

// Fault spoils the calls that match all of Operation, Method and PathRegexp (empty matches every call): after Skip of
// them, Times in a row (0 is once, negative is for ever). With AfterEffect GitHub does the work and the answer is lost.
type Fault struct {
	Operation   string // GitHub's operation id, for example "checks/create"
	Method      string
	PathRegexp  string // on the path without /api/v3 and without the query; a bad one panics
	Times, Skip int
	AfterEffect bool
	Delay       time.Duration // of wall time, before the call is looked at
	Kind        FaultKind
	Code        int
	RetryAfter  time.Duration
}

type fault struct {
	Fault
	path    *regexp.Regexp
	cleared chan struct{}
}

// Fault makes later calls fail. Of several faults that match a call the first one made is used.
func (s *Server) Fault(f Fault) {
	in := &fault{Fault: f, path: regexp.MustCompile(f.PathRegexp), cleared: make(chan struct{})}
	if in.Times == 0 {
		in.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, in)
}

// ClearFaults ends all faults, also for the calls that hang.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		close(f.cleared)
	}
	s.faults = nil
	s.notify()
}

func (s *Server) takeFault(c *Call, path string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || (f.Operation != "" && f.Operation != c.Operation) || (f.Method != "" && f.Method != c.Method) || !f.path.MatchString(path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		c.Fault = f.Kind
		return f
	}
	return nil
}

// inject answers or kills the request in place of GitHub; false means that the call goes on.
func (s *Server) inject(w http.ResponseWriter, r *http.Request, f *fault, rec *Call) bool {
	wait := f.RetryAfter
	if wait == 0 {
		wait = time.Minute
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	reset := strconv.FormatInt(s.clock.Now().Add(max(wait, 0)).Unix(), 10)
	answer := func(code int, message, docs string) {
		rec.Status = code
		s.record(*rec)
		w.WriteHeader(code)
		_, _ = w.Write(encode(object{"message": message, "documentation_url": docs, "status": strconv.Itoa(code)}))
	}
	switch f.Kind {
	case Status:
		if f.RetryAfter > 0 {
			h.Set("Retry-After", seconds(f.RetryAfter))
		}
		answer(f.Code, http.StatusText(f.Code), docsURL)
	case Primary:
		for k, v := range map[string]string{"Limit": strconv.Itoa(s.cfg.RateLimit), "Remaining": "0", "Used": strconv.Itoa(s.cfg.RateLimit), "Reset": reset, "Resource": "core"} {
			h.Set("X-RateLimit-"+k, v)
		}
		answer(orCode(f.Code, http.StatusForbidden), fmt.Sprintf("API rate limit exceeded for installation ID %d.", rec.Installation), limitDocs)
	case Secondary:
		if wait > 0 {
			h.Set("Retry-After", seconds(wait))
		}
		for k, v := range map[string]string{"Limit": "5000", "Remaining": "4990", "Used": "10", "Reset": reset, "Resource": "core"} {
			h.Set("X-RateLimit-"+k, v)
		}
		answer(orCode(f.Code, http.StatusForbidden), abuseMessage, abuseDocs)
	case BadJSON:
		rec.Status = http.StatusOK
		s.record(*rec)
		_, _ = w.Write([]byte(`{"id": 1, `))
	case Truncate:
		rec.Status = http.StatusOK
		s.record(*rec)
		h.Set("Content-Length", "500")
		_, _ = w.Write([]byte(`{"id": 1, "na`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Reset:
		s.record(*rec)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // the close sends RST
			}
			_ = conn.Close()
		}
	case Hang:
		s.record(*rec)
		select {
		case <-r.Context().Done():
		case <-f.cleared:
		case <-s.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

func orCode(code, d int) int {
	if code == 0 {
		return d
	}
	return code
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

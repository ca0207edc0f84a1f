package githubtest

import (
	"fmt"
	"slices"
)

// Call is one request that reached the double.
type Call struct {
	Number       int    // from 1, in the order of the answers
	Operation    string // GitHub's operation id such as "checks/create"; "" when GitHub describes none
	Method       string
	Path         string // with the query
	Status       int    // 0 when a fault cut the connection
	Installation int64  // of the token, 0 for none
	IfNoneMatch  string
	Body         []byte
	Fault        FaultKind // what was injected, 0 for nothing
	Effect       bool      // a write that was carried out, even if its answer was lost
	Violations   []string
}

// fault notes what is wrong with the call. The caller holds mu.
func (c *call) fault(what string) {
	c.rec.Violations = append(c.rec.Violations, what)
}

// record keeps the call and wakes the waiters.
func (s *Server) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Number = len(s.calls) + 1
	s.calls = append(s.calls, c)
	for _, v := range c.Violations {
		s.violations = append(s.violations, fmt.Sprintf("%s %s (%s): %s", c.Method, c.Path, c.Operation, v))
	}
	_, _ = fmt.Fprintf(s.cfg.Log, "call %d %s %s -> %d %v\n", c.Number, c.Method, c.Path, c.Status, c.Violations)
	s.notify()
}

// Calls are all requests so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count is the number of requests for an operation, such as "checks/create", whatever their answer.
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

// Effects is the number of requests for an operation that changed something, whether or not the answer arrived.
func (s *Server) Effects(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.Operation == operation && c.Effect {
			n++
		}
	}
	return n
}

// Violations are all that was wrong with the calls so far: requests that GitHub would refuse as malformed, fields and
// parameters it does not know, permissions the App lacks, operations the double lacks, and answers of the double that
// are not as GitHub describes them. A test of the App ends by asserting that there are none.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// ForgetCalls empties Calls and Violations, to look at one part of a test alone.
func (s *Server) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.violations = nil, nil
}

package githubtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Dispatch is a repository_dispatch that the App sent.
type Dispatch struct {
	Repo      string // owner/name
	EventType string
	Payload   json.RawMessage // client_payload, null when there was none
	At        time.Time
}

// Dispatches are the repository_dispatch events that the App sent to this repository, oldest first.
func (r *Repo) Dispatches() []Dispatch {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.s.dispatches), func(d Dispatch) bool { return d.Repo != r.full() })
}

// maxPayload is the size from which GitHub refuses a client_payload.
const maxPayload = 64 << 10

func dispatchRepository(c *call) (answer, error) {
	payload := encode(c.body["client_payload"])
	if len(payload) >= maxPayload {
		return answer{}, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\nclient_payload is too large.")
	}
	return c.repo.dispatched(text(c.body, "event_type"), payload, c.s.botLogin())
}

// SendDispatch is a repository_dispatch from outside, for example by a script with a person's token: it sends the
// webhook to the App and starts the workflows that listen for the type. payload may be nil.
func (r *Repo) SendDispatch(eventType string, payload any, login string) error {
	b, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode client_payload: %w", err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	_, err = r.dispatched(eventType, b, login)
	return err
}

func (r *Repo) dispatched(eventType string, payload []byte, login string) (answer, error) {
	s := r.s
	if login == s.botLogin() {
		s.dispatches = append(s.dispatches, Dispatch{Repo: r.full(), EventType: eventType, Payload: payload, At: s.clock.Now()})
	}
	p := object{"branch": r.branch, "client_payload": nil}
	if string(payload) != "null" {
		p["client_payload"] = json.RawMessage(payload)
	}
	s.emit(s.installationOf(r), r, "repository_dispatch", eventType, login, p)
	all, err := r.workflowList()
	if err != nil {
		return answer{}, err
	}
	for _, w := range all {
		if _, ok := w.on["repository_dispatch"]; !ok || w.state != "active" {
			continue
		}
		if types := w.types("repository_dispatch"); types != nil && !slices.Contains(types, eventType) {
			continue
		}
		x := r.newRun(w, "repository_dispatch", r.git.branch(r.branch), r.branch, login)
		x.title, x.Payload = cmp.Or(w.title, eventType), payload
		r.begin(x, s.lag)
	}
	return noContent()
}

// plain writes an input as GitHub hands it to a workflow: as text.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(encode(v))
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

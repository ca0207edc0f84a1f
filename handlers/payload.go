package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
)

// The structs here and in the files of the events hold the few fields that are
// used. GitHub adds fields and turns values into null without notice; what is
// not named here cannot break us, and null is the zero value.

type envelope struct {
	Action       string     `json:"action"`
	Installation ref        `json:"installation"`
	Repository   repository `json:"repository"`
	Sender       account    `json:"sender"`
}

func (e *envelope) common() *envelope { return e }

type ref struct {
	ID int64 `json:"id"`
}

type repository struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	Private       bool    `json:"private"`
	Archived      bool    `json:"archived"`
	DefaultBranch string  `json:"default_branch"`
	Owner         account `json:"owner"`
	// UpdatedAt orders what events say; see moment.
	UpdatedAt json.RawMessage `json:"updated_at"`
	// PushedAt is when the repository was last pushed to: in a push event the
	// moment of that push, in Unix seconds.
	PushedAt json.RawMessage `json:"pushed_at"`
}

type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Name  string `json:"name"` // push events of old GHES give owners by name only
	Type  string `json:"type"`
}

func (a account) isBot() bool { return a.Type == "Bot" || strings.HasSuffix(a.Login, "[bot]") }

// errNotAnEvent is the error for JSON that is no object ("null" decodes into
// any pointer without an error).
var errNotAnEvent = errors.New("payload is not a JSON object")

var errNotJSON = errors.New("payload is not JSON")

func decode[E payload](body []byte) (E, error) {
	t := reflect.TypeFor[E]().Elem()
	e, _ := reflect.New(t).Interface().(E)
	if trimmed := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n"); !strings.HasPrefix(trimmed, "{") {
		return e, errNotAnEvent
	}
	// The intake stores nothing but valid JSON, so that to validate again would
	// only cost (23 µs of a workflow_run's 50); what was cut off is noticed here.
	if trimmed := bytes.TrimRight(body, " \t\r\n"); len(trimmed) == 0 || trimmed[len(trimmed)-1] != '}' {
		return e, errNotJSON
	}
	if err := json.Unmarshal(trim(body, shapeFor(t)), e); err != nil {
		return e, fmt.Errorf("parse payload: %w", err)
	}
	return e, nil
}

// repo addresses the event's repository. ok is false when something that every
// call needs is missing.
func (e *envelope) repo() (repo queue.Repo, ok bool) {
	return e.Repository.address(e.Installation.ID)
}

func (r repository) address(installation int64) (repo queue.Repo, ok bool) {
	owner, name, found := strings.Cut(r.FullName, "/")
	if !found {
		owner, name = r.Owner.Login, r.Name
		if owner == "" {
			owner = r.Owner.Name
		}
	}
	repo = queue.Repo{InstallationID: installation, ID: r.ID, Owner: owner, Name: name}
	return repo, installation > 0 && r.ID > 0 && owner != "" && name != ""
}

const (
	unaddressed   = "no installation or repository in it"
	unknownAction = "action is not one of ours"
	notOurs       = "belongs to another App"
)

// isCommit says whether sha can be a commit: 40 hex digits (64 with SHA-256),
// not all zero, which is how a push says "nothing".
func isCommit(sha string) bool {
	if len(sha) != 40 && len(sha) != 64 {
		return false
	}
	if strings.Trim(sha, "0123456789abcdefABCDEF") != "" {
		return false
	}
	return strings.Trim(sha, "0") != ""
}

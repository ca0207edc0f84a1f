package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/queue"
)

// MaxDispatchInputs of one workflow_dispatch (GitHub's description,
// actions/create-workflow-dispatch).
const MaxDispatchInputs = 25

// withoutRunDetails holds the base URLs of servers that refused
// return_run_details: GitHub Enterprise Server before the release that knows
// it. There are as many as there are servers, normally one.
var withoutRunDetails sync.Map

// DispatchWorkflow starts a workflow that has a workflow_dispatch trigger, by
// its file (bare name or path) at a branch or tag. It returns the id of the
// run, or 0 when the server starts it without saying which (GitHub Enterprise
// Server): the caller must then find it. The error's [Outcome] tells whether
// the run may exist all the same.
//
// go-github v62 knows neither the field nor the answer, which GitHub has since
// 2026-02-19, so the request is made here.
func DispatchWorkflow(ctx context.Context, client *github.Client, owner, repo, workflowFile, ref string, inputs map[string]string) (int64, error) {
	if len(inputs) > MaxDispatchInputs {
		return 0, queue.Permanent(fmt.Errorf("dispatch %s: %d inputs, GitHub takes %d", workflowFile, len(inputs), MaxDispatchInputs))
	}
	_, plain := withoutRunDetails.Load(client.BaseURL.String())
	id, err := dispatch(ctx, client, owner, repo, workflowFile, ref, inputs, !plain)
	if !plain && refusesRunDetails(err) {
		// Refused as a whole, so nothing has started yet.
		withoutRunDetails.Store(client.BaseURL.String(), struct{}{})
		id, err = dispatch(ctx, client, owner, repo, workflowFile, ref, inputs, false)
	}
	if err != nil {
		return 0, fmt.Errorf("dispatch %s on %s/%s: %w", workflowFile, owner, repo, err)
	}
	return id, nil
}

func dispatch(ctx context.Context, client *github.Client, owner, repo, workflowFile, ref string, inputs map[string]string, details bool) (int64, error) {
	body := struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs,omitempty"`
		Details bool              `json:"return_run_details,omitempty"`
	}{ref, inputs, details}
	u := RepoPath(owner, repo, "actions", "workflows", path.Base(workflowFile), "dispatches")
	req, err := client.NewRequest(http.MethodPost, u, body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		RunID int64 `json:"workflow_run_id"`
	}
	_, err = client.Do(ctx, req, &answer) // 204 has no body and leaves 0
	return answer.RunID, err
}

// refusesRunDetails recognises the refusal of an unknown field by its name,
// which no other refusal of this request contains.
func refusesRunDetails(err error) bool {
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response == nil {
		return false
	}
	status := e.Response.StatusCode
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		return false
	}
	text := e.Message
	for _, one := range e.Errors {
		text += " " + one.Field + " " + one.Message
	}
	return strings.Contains(text, "return_run_details")
}
